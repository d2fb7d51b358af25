package command_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	key   = model.DeliveryKey{Group: `{}:{alertname="x"}`, Receiver: "team", Integration: "webhook/1f"}
	token = model.Token{0: 0xaa, 15: 0x01}
	row   = model.Delivery{
		ID: "d1", Reason: model.ReasonRepeat, Firing: 2, Resolved: 1, Tries: 3, At: 1700000000123,
		Took: 45, Error: "timeout", Outcome: model.OutcomeSent, Degraded: true,
	}
	set = model.NewAlertSet
)

// all is one of each command, with every field set.
func all() []command.Command { return append(first(), second()...) }

// second are the commands that came with version 2.
func second() []command.Command {
	return []command.Command{
		command.PutRecord{Record: model.RecordAPIToken, Name: "ci", BaseRev: model.AnyRev, Body: []byte{0, 1, 255}},
		command.DropRecord{Record: model.RecordPolicy, Name: "join", BaseRev: 7},
		command.Signed{
			Who: model.Actor{Name: "token:ann", Address: "10.0.0.1"}, Node: "n1", Token: token,
			Action: "silence.expire", Target: "5a", Detail: "by hand", Command: command.ExpireSilence{ID: "5a", At: 15},
		},
	}
}

// first are those of version 1.
func first() []command.Command {
	version := model.ConfigVersion{
		YAML: []byte("route: {}\n"), Author: "ann", Comment: "first",
		Templates: []model.TemplateFile{{Name: "a.tmpl", Text: []byte("{{ . }}")}, {Name: "b.tmpl"}},
	}
	version.SHA256 = version.Sum()
	data := model.Data{{Key: "n", Kind: model.DatumInt, Int: -7}, {Key: "ts", Kind: model.DatumStr, Str: "1.2"}}
	return []command.Command{
		command.FoundCluster{ID: "c1"},
		command.PutConfig{BaseRev: 3, Seed: true, Token: token, Version: version},
		command.PutSilence{
			Silence: model.Silence{
				ID: "5a", StartsAt: 10, EndsAt: 20, UpdatedAt: 9, CreatedBy: "ann", Comment: "disk",
				MatcherSets: [][]model.Matcher{{{Type: model.MatchRegexp, Name: "a", Value: "b.*"}, {Name: "c", Value: "d"}}, {{Type: model.MatchNotEqual, Name: "e"}}},
				Annotations: []model.Pair{{Name: "ticket", Value: "7"}},
			},
			BaseRev: 4, MaxSilences: 100,
		},
		command.ExpireSilence{ID: "5a", At: 15},
		command.Claim{ClaimRequest: model.ClaimRequest{
			Key: key, Token: token, Node: "n1", BaseRev: 5, ConfigRev: 2, Firing: set(1, 1<<63), Resolved: set(3),
			Reason: model.ReasonNewAlerts, MinGap: 270_000,
		}},
		command.Settle{Settlement: model.Settlement{
			Key: key, Token: token, Node: "n1", Firing: set(1), Resolved: set(3), Data: data, Delivery: row,
		}},
		command.Release{Release: model.Release{Key: key, Token: token, Node: "n1", Failed: true, NotBefore: 99, Delivery: row}},
		command.Expire{Expiry: model.Expiry{Key: key, Token: token}},
		command.MergeOverlay{Overlay: model.Overlay{
			Key: key, Origin: "n3", Epoch: 1700000000, Seq: 8, BaseRev: 5, BaseGen: 2, Stamp: 77,
			Must: set(1), Maybe: set(2), Resolved: set(3), Data: data, Delivery: row,
		}},
		command.PutNode{Node: model.Node{
			ID: "n1", Name: "one", API: "h:9093", Raft: "h:9095", Gossip: "h:9094", Version: "0.1.0", Commands: 1,
		}},
		command.RemoveNode{ID: "n1"},
		command.GC{SilencesBefore: 1, EntriesBefore: 2, HistoryBefore: 3, HistoryMax: 4},
		command.SetMinVersion{Version: 1},
	}
}

// The wire form of a version never changes: logs and snapshots are full of it.
// What an older program knows is in an envelope of its version.
func TestGoldenWire(t *testing.T) {
	goldenWire(t, 1, first())
	goldenWire(t, 2, second())
}

func goldenWire(t *testing.T, version uint32, cmds []command.Command) {
	t.Helper()
	golden := fmt.Sprintf("testdata/v%d.hex", version)
	var b strings.Builder
	for _, c := range cmds {
		wire, err := command.Encode(command.Envelope{Stamp: 1700000000000, Proposer: "n1", Commands: []command.Command{c}})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%v %s\n", c.Kind(), hex.EncodeToString(wire))
	}
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the wire form is not that of %s; it is\n%s", golden, b.String())
	}
	for i, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
		_, text, _ := strings.Cut(line, " ")
		wire, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		e, err := command.Decode(wire)
		if err != nil {
			t.Fatal(err)
		}
		want := command.Envelope{Version: version, Stamp: 1700000000000, Proposer: "n1", Commands: cmds[i : i+1]}
		if !reflect.DeepEqual(e, want) {
			t.Errorf("line %d reads\n%+v, want\n%+v", i+1, e, want)
		}
	}
}

// Every kind has a name, a place in the golden file and a reader.
func TestKinds(t *testing.T) {
	for i, c := range all() {
		if int(c.Kind()) != i+1 {
			t.Errorf("%v is kind %d, want %d", c.Kind(), c.Kind(), i+1)
		}
	}
	last := command.Kind(len(all()))
	if last.String() == "unknown" || (last+1).String() != "unknown" || command.Kind(0).String() != "unknown" {
		t.Error("not every kind is in this test")
	}
}

func TestRejected(t *testing.T) {
	many := make(model.AlertSet, command.MaxAlerts+1)
	for i := range many {
		many[i] = model.AlertHash(i)
	}
	long := strings.Repeat("x", command.MaxNameBytes+1)
	claim := func(change func(*model.ClaimRequest)) command.Claim {
		q := model.ClaimRequest{Key: key, Token: token, Node: "n1"}
		change(&q)
		return command.Claim{ClaimRequest: q}
	}
	settle := model.Settlement{Key: key, Token: token, Node: "n1"}
	for _, f := range []struct {
		name string
		c    command.Command
		want error
	}{
		{"a cluster without a name", command.FoundCluster{}, command.ErrInvalid},
		{"a name too long", command.RemoveNode{ID: model.NodeID(long)}, command.ErrLimit},
		{"a claim without a token", claim(func(q *model.ClaimRequest) { q.Token = model.Token{} }), command.ErrInvalid},
		{"a claim without a key", claim(func(q *model.ClaimRequest) { q.Key = model.DeliveryKey{} }), command.ErrInvalid},
		{"a claim by nobody", claim(func(q *model.ClaimRequest) { q.Node = "" }), command.ErrInvalid},
		{"a negative gap", claim(func(q *model.ClaimRequest) { q.MinGap = -1 }), command.ErrInvalid},
		{"a set out of order", claim(func(q *model.ClaimRequest) { q.Firing = model.AlertSet{2, 1} }), command.ErrInvalid},
		{"a set with repeats", claim(func(q *model.ClaimRequest) { q.Resolved = model.AlertSet{2, 2} }), command.ErrInvalid},
		{"too many alerts", claim(func(q *model.ClaimRequest) { q.Firing = many }), command.ErrLimit},
		{"a key too long", claim(func(q *model.ClaimRequest) { q.Key.Group = strings.Repeat("x", command.MaxKeyBytes) }), command.ErrLimit},
		{"an error too long", func() command.Command {
			s := settle
			s.Delivery.Error = strings.Repeat("x", model.MaxErrorBytes+1)
			return command.Settle{Settlement: s}
		}(), command.ErrLimit},
		{"data too long", func() command.Command {
			s := settle
			s.Data = model.Data{{Key: "k", Str: strings.Repeat("x", model.MaxDataBytes)}}
			return command.Settle{Settlement: s}
		}(), command.ErrLimit},
		{"data out of order", func() command.Command {
			s := settle
			s.Data = model.Data{{Key: "k"}, {Key: "k"}}
			return command.Settle{Settlement: s}
		}(), command.ErrInvalid},
		{"an overlay that is both", command.MergeOverlay{Overlay: model.Overlay{Key: key, Origin: "n", Must: set(1), Maybe: set(1)}}, command.ErrInvalid},
		{"a silence that ends before it starts", command.PutSilence{Silence: model.Silence{ID: "a", StartsAt: 2, EndsAt: 1}}, command.ErrInvalid},
		{"annotations out of order", command.PutSilence{Silence: model.Silence{ID: "a", Annotations: []model.Pair{{Name: "b"}, {Name: "a"}}}}, command.ErrInvalid},
		{"a silence too big", command.PutSilence{Silence: model.Silence{ID: "a", Comment: strings.Repeat("x", command.MaxSilenceBytes)}}, command.ErrLimit},
		{"a config without a token", command.PutConfig{}, command.ErrInvalid},
		{"a config too big", command.PutConfig{Token: token, Version: model.ConfigVersion{YAML: make([]byte, command.MaxConfigBytes+1)}}, command.ErrLimit},
		{"templates out of order", command.PutConfig{Token: token, Version: model.ConfigVersion{
			Templates: []model.TemplateFile{{Name: "b"}, {Name: "a"}},
		}}, command.ErrInvalid},
		{"no version", command.SetMinVersion{}, command.ErrInvalid},
		{"a record without a kind", command.PutRecord{Name: "a"}, command.ErrInvalid},
		{"a record without a name", command.PutRecord{Record: 1}, command.ErrInvalid},
		{"a record too big", command.PutRecord{Record: 1, Name: "a", Body: make([]byte, model.MaxRecordBytes+1)}, command.ErrLimit},
		{"a record's name too long", command.DropRecord{Record: 1, Name: long[:1025], BaseRev: 1}, command.ErrLimit},
		{"dropping what was not there", command.DropRecord{Record: 1, Name: "a"}, command.ErrInvalid},
		{"signed without a token", command.Signed{Action: "a"}, command.ErrInvalid},
		{"signed without an action", command.Signed{Token: token}, command.ErrInvalid},
		{"an actor too long", command.Signed{Token: token, Action: "a", Who: model.Actor{Name: long}}, command.ErrLimit},
		{"a detail too long", command.Signed{Token: token, Action: "a", Detail: long}, command.ErrLimit},
		{"signed, but wrong", command.Signed{Token: token, Action: "a", Command: command.RemoveNode{}}, command.ErrInvalid},
		{"signed twice", command.Signed{Token: token, Action: "a", Command: command.Signed{Token: token, Action: "a"}}, command.ErrInvalid},
	} {
		t.Run(f.name, func(t *testing.T) {
			_, err := command.Encode(command.Envelope{Commands: []command.Command{f.c}})
			if !errors.Is(err, f.want) {
				t.Errorf("encoding it: %v", err)
			}
			// What got into the log all the same is rejected there too.
			wire := model.Encode(command.Envelope{Version: command.Version, Commands: []command.Command{f.c}})
			if _, err := command.Decode(wire); err == nil {
				t.Error("it can be decoded")
			}
		})
	}
}

func TestEnvelopeBounds(t *testing.T) {
	var e command.Envelope
	for range command.MaxCommands + 1 {
		e.Commands = append(e.Commands, command.GC{})
	}
	if _, err := command.Encode(e); !errors.Is(err, command.ErrLimit) {
		t.Errorf("too many commands: %v", err)
	}
	e.Version = 1
	if _, err := command.Decode(model.Encode(e)); !errors.Is(err, command.ErrLimit) {
		t.Errorf("too many commands decoded: %v", err)
	}
	if _, err := command.Decode(make([]byte, command.MaxBytes+1)); !errors.Is(err, command.ErrLimit) {
		t.Errorf("too many bytes: %v", err)
	}
	big := command.PutConfig{Token: token, Version: model.ConfigVersion{YAML: make([]byte, command.MaxConfigBytes)}}
	if _, err := command.Encode(command.Envelope{Commands: []command.Command{big}}); err != nil {
		t.Errorf("the biggest configuration does not fit: %v", err)
	}
	if _, err := command.Encode(command.Envelope{Commands: []command.Command{big, big}}); !errors.Is(err, command.ErrLimit) {
		t.Errorf("two of them fit: %v", err)
	}
}

// A program that meets what only a newer one knows must stop, not skip it. What
// nobody wrote is rejected by all.
func TestTooNew(t *testing.T) {
	good, err := command.Encode(command.Envelope{Commands: []command.Command{command.RemoveNode{ID: "n"}}})
	if err != nil {
		t.Fatal(err)
	}
	wire := func(fill func(*model.WireWriter)) []byte {
		var w model.WireWriter
		fill(&w)
		return w.Bytes()
	}
	inner := func(kind uint64, fill func(*model.WireWriter)) []byte {
		return wire(func(w *model.WireWriter) {
			w.Uint(1, 1)
			w.Message(4, func(w *model.WireWriter) {
				w.Uint(1, kind)
				w.Message(2, fill)
			})
		})
	}
	for _, f := range []struct {
		name string
		b    []byte
		want error
	}{
		{"a newer version", wire(func(w *model.WireWriter) { w.Uint(1, command.Version+1); w.Text(99, "?") }), command.ErrTooNew},
		{"a kind that nobody knows", inner(200, func(w *model.WireWriter) { w.Uint(1, 1) }), command.ErrTooNew},
		{"a field that nobody knows", inner(11, func(w *model.WireWriter) { w.Text(1, "n"); w.Text(2, "?") }), command.ErrTooNew},
		{"a kind that nobody knows, signed", inner(16, func(w *model.WireWriter) {
			w.Message(7, func(w *model.WireWriter) { w.Uint(1, 200); w.Message(2, func(*model.WireWriter) {}) })
		}), command.ErrTooNew},
		{"a newer kind in an older envelope", inner(14, func(w *model.WireWriter) { w.Uint(1, 1); w.Text(2, "a") }), command.ErrInvalid},
		{"a field of the envelope", append(bytes.Clone(good), 0x78, 1), command.ErrTooNew},
		{"nothing", nil, command.ErrInvalid},
		{"junk", []byte("junk"), command.ErrMalformed},
		{"a command cut off", good[:len(good)-1], command.ErrMalformed},
		{"a command without a kind", wire(func(w *model.WireWriter) { w.Uint(1, 1); w.Message(4, func(*model.WireWriter) {}) }), command.ErrMalformed},
	} {
		t.Run(f.name, func(t *testing.T) {
			if _, err := command.Decode(f.b); !errors.Is(err, f.want) {
				t.Errorf("got %v, want %v", err, f.want)
			}
		})
	}
}

func TestResults(t *testing.T) {
	rs := []command.Result{
		{Code: command.CodeOK, Rev: 3, Index: 9},
		{Code: command.CodeDenied, Index: 9, Grant: model.Grant{Denied: model.DeniedTooEarly, Rev: 2, Index: 9, RetryAfter: 700}},
		{Code: command.CodeInvalid, Detail: "no"},
		{},
	}
	back, err := command.DecodeResults(command.EncodeResults(rs))
	if err != nil || !reflect.DeepEqual(back, rs) {
		t.Errorf("results came back as %+v, %v", back, err)
	}
	if _, err := command.DecodeResults([]byte{0x0a, 9}); !errors.Is(err, command.ErrMalformed) {
		t.Errorf("junk for results: %v", err)
	}
	if _, err := command.DecodeResults([]byte{0x78, 1}); !errors.Is(err, command.ErrTooNew) {
		t.Errorf("results of a newer program: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range all() {
		b, err := command.Encode(command.Envelope{Stamp: 5, Proposer: "n", Commands: []command.Command{c}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := command.Decode(b)
		if err != nil {
			for _, known := range []error{command.ErrTooNew, command.ErrMalformed, command.ErrInvalid, command.ErrLimit} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error without a class: %v", err)
		}
		wire, err := command.Encode(e)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		again, err := command.Decode(wire)
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
		// Compared by bytes: a number may be not a number.
		if twice, err := command.Encode(again); err != nil || !bytes.Equal(wire, twice) {
			t.Fatalf("encoding is not stable: %v", err)
		}
	})
}

// Words for the audit come from the command, or from who wraps it; they are cut,
// and a record's body is never among them.
func TestSignedBy(t *testing.T) {
	who := model.Actor{Name: "token:ann", Address: "10.0.0.1"}
	for _, f := range []struct {
		c                      command.Command
		action, target, detail string
	}{
		{command.PutSilence{Silence: model.Silence{ID: "5a", Comment: "disk"}}, "silence.create", "5a", "disk"},
		{command.PutSilence{Silence: model.Silence{ID: "5a"}, BaseRev: 3}, "silence.change", "5a", ""},
		{command.PutRecord{Record: model.RecordAPIToken, Name: "ci", Body: []byte("hush")}, "api_token.create", "ci", ""},
		{command.DropRecord{Record: model.RecordAPIToken, Name: "ci", BaseRev: 1}, "api_token.drop", "ci", ""},
		{command.Note("node.remove", "n2", "dead"), "node.remove", "n2", "dead"},
		{command.As(command.RemoveNode{ID: "n"}, "a.b", strings.Repeat("é", 600), "d"), "a.b", strings.Repeat("é", 512), "d"},
	} {
		s := command.SignedBy(who, "n1", token, f.c)
		if s.Action != f.action || s.Target != f.target || s.Detail != f.detail || s.Who != who || s.Node != "n1" || s.Token != token {
			t.Errorf("%v is signed as %+v", f.c.Kind(), s)
		}
		if strings.Contains(fmt.Sprint(s.Action, s.Target, s.Detail), "hush") {
			t.Error("a body is in the audit")
		}
	}
}
