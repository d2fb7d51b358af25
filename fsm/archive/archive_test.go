package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"tocsin/fsm"
	"tocsin/fsm/archive"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

func machine(t testing.TB) (*fsm.Machine, *store.State) {
	t.Helper()
	state, err := store.OpenState(filepath.Join(t.TempDir(), "state.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := fsm.Open(fsm.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = m.Close(), state.Close() })
	return m, state
}

func apply(t testing.TB, m *fsm.Machine, cmds ...command.Command) {
	t.Helper()
	b, err := command.Encode(command.Envelope{Stamp: 1000, Proposer: "n1", Commands: cmds})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ApplyBatch([]fsm.LogEntry{{Index: m.View().Index() + 1, Term: 1, Data: b}}); err != nil {
		t.Fatal(err)
	}
}

func silence(i int) command.Command {
	return command.PutSilence{Silence: model.Silence{
		ID: fmt.Sprintf("s%06d", i), StartsAt: 1, EndsAt: 2, Comment: strings.Repeat("why ", i%50),
		MatcherSets: [][]model.Matcher{{{Name: "a", Value: fmt.Sprint(i)}}},
	}}
}

func filled(t testing.TB) *fsm.Machine {
	t.Helper()
	m, _ := machine(t)
	apply(t, m, command.FoundCluster{ID: "c1"}, command.PutNode{Node: model.Node{ID: "n1", Name: "one"}})
	for i := range 20 {
		apply(t, m, silence(i))
	}
	key := model.DeliveryKey{Group: "g", Receiver: "r", Integration: "i"}
	apply(t, m, command.Claim{ClaimRequest: model.ClaimRequest{
		Key: key, Token: model.Token{1}, Node: "n1", Firing: model.NewAlertSet(1, 2), Reason: model.ReasonFirst,
	}})
	apply(t, m, command.Settle{Settlement: model.Settlement{
		Key: key, Token: model.Token{1}, Node: "n1", Firing: model.NewAlertSet(1, 2),
		Delivery: model.Delivery{ID: "d", Outcome: model.OutcomeSent},
	}})
	return m
}

func about() archive.About {
	return archive.About{Version: "1.2.3", Node: "one", Created: time.Unix(1_700_000_000, 0)}
}

func write(t testing.TB, m *fsm.Machine) []byte {
	t.Helper()
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	var b bytes.Buffer
	if _, err := archive.Write(&b, s, about()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRoundTripLosesNothing: the manifest says what the state is, and what is
// restored is the same state to the byte.
func TestRoundTripLosesNothing(t *testing.T) {
	m := filled(t)
	file := write(t, m)
	man, err := archive.Check(bytes.NewReader(file), archive.Key{})
	if err != nil {
		t.Fatal(err)
	}
	v := m.View()
	if man.Cluster != "c1" || man.Index != v.Index() || man.StateHash != fmt.Sprintf("%016x", v.StateHash()) ||
		man.Counts["silences"] != 20 || man.Counts["entries"] != 1 || man.Counts["history"] != 1 || man.Counts["nodes"] != 1 {
		t.Errorf("the manifest is %+v", man)
	}
	again, _ := machine(t)
	_, err = archive.Read(bytes.NewReader(file), archive.Key{}, func(_ archive.Manifest, state io.Reader) error {
		return again.Restore(state)
	})
	if err != nil {
		t.Fatal(err)
	}
	if w := again.View(); w.StateHash() != v.StateHash() || w.Index() != v.Index() {
		t.Errorf("restored at %d with hash %x, want %d with %x", w.Index(), w.StateHash(), v.Index(), v.StateHash())
	}
	if !bytes.Equal(write(t, again), file) {
		t.Error("a backup of what was restored is not the same file")
	}
}

// TestDamageIsNoticed: whatever byte is altered and wherever a file is cut off,
// it is refused.
func TestDamageIsNoticed(t *testing.T) {
	file := write(t, filled(t))
	if _, err := archive.Check(bytes.NewReader(append(bytes.Clone(file), 0)), archive.Key{}); err == nil {
		t.Error("a byte behind the end is not noticed")
	}
	refused := func(what string, b []byte) {
		_, err := archive.Check(bytes.NewReader(b), archive.Key{})
		if !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrNotArchive) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := 0; n < len(file); n += 13 {
		refused(fmt.Sprintf("cut off at %d of %d", n, len(file)), file[:n])
	}
	refused("without its last byte", file[:len(file)-1])
	for i := 10; i < len(file); i += 7 { // before that is gzip's time and system
		b := bytes.Clone(file)
		b[i] ^= 0x41
		refused(fmt.Sprintf("byte %d altered", i), b)
	}
	refused("a text", []byte("route:\n  receiver: x\n"))
	refused("nothing", nil)
}

func TestNewerIsRefused(t *testing.T) {
	m, _ := machine(t)
	file := write(t, m)
	for _, change := range [][2]string{
		{`"format": 1`, `"format": 9`}, {`"command_version": 0`, `"command_version": 99`}, {`"schema": 1`, `"schema": 99`},
	} {
		if _, err := archive.Check(bytes.NewReader(rewritten(t, file, change[0], change[1])), archive.Key{}); !errors.Is(err, archive.ErrTooNew) {
			t.Errorf("%s: %v", change[1], err)
		}
	}
	// A manifest that says what the records do not is found out, too.
	if _, err := archive.Check(bytes.NewReader(rewritten(t, file, `"cluster_id": ""`, `"cluster_id": "c9"`)), archive.Key{}); !errors.Is(err, archive.ErrDamaged) {
		t.Errorf("another cluster's ID: %v", err)
	}
}

func TestSealed(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	plain := write(t, filled(t))
	fill := func(w io.Writer) error { _, err := w.Write(plain); return err }
	for name, c := range map[string]struct{ seal, open, wrong archive.Key }{
		"passphrase": {archive.Cheap(archive.Key{Passphrase: "right"}), archive.Key{Passphrase: "right"}, archive.Key{Passphrase: "wrong"}},
		"recipient": {
			archive.Key{Recipients: []string{id.Recipient().String()}},
			archive.Key{Identities: "# a comment\n" + id.String() + "\n"},
			archive.Key{Identities: other.String()},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "b")
			s, err := archive.Save(path, c.seal, fill)
			if err != nil || s.Manifest.Cluster != "c1" {
				t.Fatal(s, err)
			}
			file, err := os.ReadFile(path)
			if err != nil || int64(len(file)) != s.Bytes || bytes.Contains(file, []byte("manifest")) {
				t.Fatal(len(file), s.Bytes, err)
			}
			if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
				t.Errorf("its mode is %v", info.Mode())
			}
			for want, k := range map[error]archive.Key{nil: c.open, archive.ErrWrongKey: c.wrong, archive.ErrSealed: {}} {
				if _, err := archive.Check(bytes.NewReader(file), k); !errors.Is(err, want) {
					t.Errorf("want %v, got %v", want, err)
				}
			}
			for _, n := range []int{40, len(file) / 2, len(file) - 1} {
				if _, err := archive.Check(bytes.NewReader(file[:n]), c.open); !errors.Is(err, archive.ErrDamaged) {
					t.Errorf("cut off at %d: %v", n, err)
				}
			}
			file[len(file)-20] ^= 1
			if _, err := archive.Check(bytes.NewReader(file), c.open); !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("altered: %v", err)
			}
		})
	}
}

// TestSaveLeavesWhatWasThere: until a new file is whole, the old one stays, and
// nothing is left lying about.
func TestSaveLeavesWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b")
	plain := write(t, filled(t))
	id, _ := age.GenerateX25519Identity()
	ok := func(w io.Writer) error { _, err := w.Write(plain); return err }
	if _, err := archive.Save(path, archive.Key{}, ok); err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the connection broke")
	for _, k := range []archive.Key{{}, {Recipients: []string{id.Recipient().String()}}} {
		_, err := archive.Save(path, k, func(w io.Writer) error { _, err := w.Write(plain[:500]); return errors.Join(err, gone) })
		if !errors.Is(err, gone) {
			t.Errorf("got %v", err)
		}
		if _, err := archive.Save(path, k, func(w io.Writer) error { _, err := w.Write(plain[:500]); return err }); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("cut off: %v", err)
		}
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, plain) {
		t.Error("the old file is not there any more", err)
	}
	if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 1 {
		t.Errorf("left behind: %v", all)
	}
}
