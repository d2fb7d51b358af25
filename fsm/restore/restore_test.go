package restore_test

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/fsm"
	"tocsin/fsm/archive"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/fsm/restore"
	"tocsin/store"
)

// machine is a state machine on a file of its own. What opens it closes it.
func machine(t *rapid.T, dir string) (*fsm.Machine, func()) {
	state, err := store.OpenState(filepath.Join(dir, "state.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := fsm.Open(fsm.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	return m, func() { _, _ = m.Close(), state.Close() }
}

func apply(t *rapid.T, m *fsm.Machine, cmds ...command.Command) {
	if len(cmds) == 0 {
		return
	}
	b, err := command.Encode(command.Envelope{Stamp: model.Millis(1000 + m.View().Index()), Proposer: "n1", Commands: cmds})
	if err != nil {
		t.Fatal(err)
	}
	results, err := m.ApplyBatch([]fsm.LogEntry{{Index: m.View().Index() + 1, Term: 1, Data: b}})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results[0] {
		if r.Code == command.CodeInvalid {
			t.Fatalf("command %d is invalid: %s", i, r.Detail)
		}
	}
}

var keys = []model.DeliveryKey{{Group: "a", Receiver: "r"}, {Group: "b", Receiver: "r"}, {Group: "c", Receiver: "r"}}

func drawAlerts(t *rapid.T, name string) model.AlertSet {
	return model.NewAlertSet(rapid.SliceOfN(rapid.Map(rapid.IntRange(1, 5), func(i int) model.AlertHash { return model.AlertHash(i) }), 0, 4).Draw(t, name)...)
}

// live lets a cluster live for some commands.
func live(t *rapid.T, m *fsm.Machine, n int, seed byte) {
	for i := range n {
		tok := model.Token{seed, byte(i), 1}
		k := rapid.SampledFrom(keys).Draw(t, "key")
		s := fmt.Sprint("s", rapid.IntRange(0, 5).Draw(t, "silence"))
		switch rapid.IntRange(0, 7).Draw(t, "what") {
		case 0:
			v := model.ConfigVersion{YAML: []byte(rapid.SampledFrom([]string{"one", "two", "three"}).Draw(t, "config"))}
			v.SHA256 = v.Sum()
			apply(t, m, command.PutConfig{Token: tok, Version: v})
		case 1, 2:
			sil := model.Silence{ID: s, StartsAt: 1, EndsAt: model.Millis(rapid.SampledFrom([]int{100, 1e6}).Draw(t, "end")), Comment: fmt.Sprint(i)}
			var base uint64
			if old, ok := m.View().Silence(s); ok {
				base = old.Rev
			}
			apply(t, m, command.PutSilence{Silence: sil, BaseRev: base})
		case 3:
			apply(t, m, command.PutRecord{
				Record: rapid.SampledFrom([]model.RecordKind{model.RecordPKI, model.RecordAPIToken, model.RecordBackup}).Draw(t, "kind"),
				Name:   s, BaseRev: model.AnyRev, Body: []byte{byte(i)},
			})
		default:
			var rev, conf uint64
			if e, ok := m.View().Entry(k); ok {
				rev = e.Rev
			}
			if c := m.View().Config(); c != nil {
				conf = c.Rev
			}
			firing := drawAlerts(t, "firing")
			resolved := drawAlerts(t, "resolved").Minus(firing)
			apply(t, m, command.Claim{ClaimRequest: model.ClaimRequest{Key: k, Token: tok, Node: "n1", BaseRev: rev, ConfigRev: conf, Firing: firing, Resolved: resolved}})
			if rapid.Bool().Draw(t, "settle") {
				apply(t, m, command.Settle{Settlement: model.Settlement{
					Key: k, Token: tok, Node: "n1", Firing: firing, Resolved: resolved,
					Delivery: model.Delivery{ID: tok.String(), Outcome: model.OutcomeSent},
				}})
			} else if rapid.Bool().Draw(t, "expire") {
				apply(t, m, command.Expire{Expiry: model.Expiry{Key: k, Token: tok}})
			}
		}
	}
}

func found(t *rapid.T, m *fsm.Machine, cluster model.ClusterID) {
	apply(t, m, command.FoundCluster{ID: cluster}, command.SetMinVersion{Version: 2}, command.PutNode{Node: model.Node{ID: "n1"}})
}

// copyOf is the state of m in another machine, by way of a backup.
func copyOf(t *rapid.T, m, into *fsm.Machine) {
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	var file bytes.Buffer
	if _, err := archive.Write(&file, s, archive.About{}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Check(bytes.NewReader(file.Bytes()), archive.Key{}); err != nil {
		t.Fatal(err)
	}
	_, err = archive.Read(&file, archive.Key{}, func(_ archive.Manifest, state io.Reader) error { return into.Restore(state) })
	if err != nil {
		t.Fatal(err)
	}
}

func bytesOf(t *rapid.T, m *fsm.Machine) []byte {
	s, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRoundTrip: whatever a cluster has lived through, its backup restored is the
// same state to the byte, index and hash included.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		m, end := machine(t, filepath.Join(dir, fmt.Sprint(n, "a")))
		defer end()
		found(t, m, "c1")
		live(t, m, rapid.IntRange(0, 25).Draw(t, "n"), 1)
		again, end := machine(t, filepath.Join(dir, fmt.Sprint(n, "b")))
		defer end()
		copyOf(t, m, again)
		if m.View().StateHash() != again.View().StateHash() || !bytes.Equal(bytesOf(t, m), bytesOf(t, again)) {
			t.Fatal("what was restored is not what was backed up")
		}
	})
}

// TestRestoreOnALivingCluster: afterwards the cluster goes by the configuration
// and the silences of the backup; its own name, nodes, CA and history stay; what
// may have been told is certain nowhere unless the ledger knows it; and a second
// restore has nothing to do.
func TestRestoreOnALivingCluster(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		m, end := machine(t, filepath.Join(dir, fmt.Sprint(n, "a")))
		defer end()
		backup, end := machine(t, filepath.Join(dir, fmt.Sprint(n, "b")))
		defer end()
		found(t, m, "c1")
		live(t, m, rapid.IntRange(0, 20).Draw(t, "before"), 1)
		foreign := rapid.Bool().Draw(t, "foreign")
		if foreign {
			found(t, backup, "c2")
			live(t, backup, rapid.IntRange(0, 20).Draw(t, "there"), 2)
		} else {
			copyOf(t, m, backup)
		}
		live(t, m, rapid.IntRange(0, 20).Draw(t, "after"), 3)
		same := restore.SameLine(m.View(), backup.View(), newest(t, backup), func(seq uint64) (model.Delivery, bool) {
			for _, d := range newest(t, m) {
				if d.Seq == seq {
					return d, true
				}
			}
			return model.Delivery{}, false
		})
		if same == foreign {
			t.Fatalf("same line: %v, foreign: %v", same, foreign)
		}
		before := m.View()
		o := restore.Options{Now: time.UnixMilli(2000), SameLine: same, Name: "then"}
		p := restore.Make(before, backup.View(), o)
		cmds := p.Commands
		if p.Config != nil {
			cmds = append(cmds, *p.Config)
		}
		for _, batch := range restore.Batches(cmds) {
			apply(t, m, batch...)
		}
		after := m.View()
		judge(t, before, after, backup.View(), same)
		o.Now = time.UnixMilli(2001) // in the millisecond of its end a silence is active still
		if again := restore.Make(after, backup.View(), o); same && !again.Empty() {
			t.Fatalf("a second restore would change %+v", again)
		}
		for _, batch := range restore.Batches(cmds) {
			apply(t, m, batch...) // repeated, because its outcome was not known
		}
		judge(t, before, m.View(), backup.View(), same)
	})
}

func judge(t *rapid.T, before, after, backup *fsm.View, same bool) {
	if was := backup.Config(); was != nil && (after.Config().Sum() != was.Sum() || before.Config() != nil && after.Config().Rev < before.Config().Rev) {
		t.Fatalf("version %d is %s", after.Config().Rev, after.Config().YAML)
	}
	for _, v := range [][2]*fsm.View{{backup, after}, {after, backup}} {
		for s := range v[0].Silences() {
			other, ok := v[1].Silence(s.ID)
			if live := s.State(2001) != model.SilenceExpired; live && (!ok || other.Comment != s.Comment || other.EndsAt != s.EndsAt) {
				t.Fatalf("silence %s is not the same: %+v, %+v", s.ID, s, other)
			}
		}
	}
	if after.Cluster() != "c1" {
		t.Fatalf("it is cluster %s now", after.Cluster())
	}
	for r := range before.Records(model.RecordPKI) {
		if is, _ := after.Record(model.RecordPKI, r.Name); !bytes.Equal(is.Body, r.Body) {
			t.Fatal("the CA is another one")
		}
	}
	for _, k := range keys {
		was, _ := backup.Entry(k)
		is, there := after.Entry(k)
		old, had := before.Entry(k)
		switch {
		case same && had && is.Rev != old.Rev:
			t.Fatalf("%v changed, though the ledger knew better", k)
		case !same && was != nil && there && len(was.Must)+len(was.Maybe) > 0:
			if all := is.Must.Union(is.Maybe); len(is.Must) > 0 || len(was.Must.Minus(all)) > 0 || had && len(old.Must.Minus(all)) > 0 {
				t.Fatalf("%v: must %v, maybe %v, was told %v", k, is.Must, is.Maybe, was.Must)
			}
		}
	}
}

func newest(t *rapid.T, m *fsm.Machine) []model.Delivery {
	rows, err := m.History(fsm.HistoryQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestFound: in a cluster that is founded from a backup nothing of what was told
// is certain, nothing is forgotten, nobody holds a claim, and the nodes of the
// old one are gone.
func TestFound(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		m, end := machine(t, filepath.Join(dir, fmt.Sprint(n)))
		defer end()
		found(t, m, "c1")
		live(t, m, rapid.IntRange(0, 25).Draw(t, "n"), 1)
		before := m.View()
		cmds, _ := restore.Found(before)
		for _, batch := range restore.Batches(cmds) {
			apply(t, m, batch...)
		}
		after := m.View()
		for e := range before.Entries() {
			is, ok := after.Entry(e.Key)
			if !ok || is.Claim != nil || len(is.Must)+len(is.Resolved) > 0 || len(e.Must.Union(e.Maybe).Minus(is.Maybe)) > 0 ||
				e.Claim != nil && len(e.Claim.Firing.Minus(is.Maybe)) > 0 {
				t.Fatalf("%v was %+v and is %+v", e.Key, e, is)
			}
		}
		for n := range after.Nodes() {
			t.Fatalf("node %s is still there", n.ID)
		}
	})
}
