package fsm_test

import (
	"bytes"
	"flag"
	"path/filepath"
	"testing"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// replica is a machine with its file, and a log of its own.
type replica struct {
	t testing.TB
	*fsm.Machine
	state *store.State
	// log is what was applied here, for others to apply too.
	log []fsm.LogEntry
}

func newReplica(t testing.TB) *replica {
	t.Helper()
	return openReplica(t, filepath.Join(t.TempDir(), "state.db"))
}

func openReplica(t testing.TB, path string) *replica {
	t.Helper()
	state, err := store.OpenState(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	m, err := fsm.Open(fsm.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{t: t, Machine: m, state: state}
	t.Cleanup(r.close)
	return r
}

func (r *replica) close() {
	if err := r.Machine.Close(); err != nil {
		r.t.Error(err)
	}
	if err := r.state.Close(); err != nil {
		r.t.Error(err)
	}
}

// logged is a log entry with commands.
func logged(t testing.TB, index uint64, stamp model.Millis, cmds ...command.Command) fsm.LogEntry {
	t.Helper()
	b, err := command.Encode(command.Envelope{Stamp: stamp, Proposer: "n1", Commands: cmds})
	if err != nil {
		t.Fatal(err)
	}
	return fsm.LogEntry{Index: index, Term: 1, Data: b}
}

// do applies one log entry at a stamp and returns its results.
func (r *replica) do(stamp model.Millis, cmds ...command.Command) []command.Result {
	r.t.Helper()
	return r.apply(logged(r.t, r.View().Index()+1, stamp, cmds...))[0]
}

func (r *replica) apply(batch ...fsm.LogEntry) [][]command.Result {
	r.t.Helper()
	results, err := r.ApplyBatch(batch)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(results) != len(batch) {
		r.t.Fatalf("%d results for %d entries", len(results), len(batch))
	}
	r.log = append(r.log, batch...)
	return results
}

// ok applies one command that must succeed.
func (r *replica) ok(stamp model.Millis, c command.Command) command.Result {
	r.t.Helper()
	res := r.do(stamp, c)[0]
	if res.Code != command.CodeOK {
		r.t.Fatalf("%v: %v %v", c.Kind(), res.Code, res.Detail)
	}
	return res
}

// entry is the ledger's entry of a key, empty if there is none.
func (r *replica) entry(k model.DeliveryKey) model.Entry {
	if e, ok := r.View().Entry(k); ok {
		return *e
	}
	return model.Entry{Key: k}
}

// dump is a snapshot of the state: equal states have equal ones.
func (r *replica) dump() []byte {
	r.t.Helper()
	s, err := r.Snapshot()
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.Release()
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		r.t.Fatal(err)
	}
	return b.Bytes()
}

func token(name string) (t model.Token) {
	copy(t[:], name)
	return t
}

func configOf(yaml string, tok string) command.PutConfig {
	v := model.ConfigVersion{YAML: []byte(yaml), Author: "ann"}
	v.SHA256 = v.Sum()
	return command.PutConfig{Token: token(tok), Version: v}
}
