package fsm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

func TestBatch(t *testing.T) {
	r := newReplica(t)
	n := func(id model.NodeID) command.Command { return command.PutNode{Node: model.Node{ID: id}} }
	results := r.apply(
		logged(t, 3, 1, n("a"), n("b")),
		fsm.LogEntry{Index: 4, Term: 2},
		fsm.LogEntry{Index: 6, Term: 2, Data: []byte("junk")},
		logged(t, 7, 1, command.RemoveNode{ID: "a"}, command.Expire{Expiry: model.Expiry{Key: theKey, Token: token("t")}}),
	)
	var codes []command.Code
	for _, rs := range results {
		if rs == nil {
			t.Error("an entry has no results at all")
		}
		for _, r := range rs {
			codes = append(codes, r.Code)
		}
	}
	want := []command.Code{command.CodeOK, command.CodeOK, command.CodeInvalid, command.CodeOK, command.CodeNotFound}
	if !slices.Equal(codes, want) {
		t.Errorf("codes are %v, want %v", codes, want)
	}
	if v := r.View(); v.Index() != 7 || v.Term() != 1 || len(slices.Collect(v.Nodes())) != 1 {
		t.Errorf("the view is at %d of term %d", v.Index(), v.Term())
	}
	hash := r.View().StateHash()
	// What is in the state already is skipped, each command with its answer.
	again := r.apply(logged(t, 3, 1, n("a"), n("b")), logged(t, 7, 1, n("a")), logged(t, 8, 1, n("c")), fsm.LogEntry{Index: 2})
	if len(again[0]) != 2 || again[0][1].Code != command.CodeSkipped || again[0][1].Index != 3 ||
		again[1][0].Code != command.CodeSkipped || again[2][0].Code != command.CodeOK || len(again[3]) != 0 {
		t.Errorf("results are %+v", again)
	}
	if _, ok := r.View().Node("a"); ok {
		t.Error("a skipped entry was applied")
	}
	if r.View().StateHash() == hash {
		t.Error("the hash stood still over a change")
	}
	if got := r.apply(logged(t, 5, 1, n("x"))); got[0][0].Code != command.CodeSkipped {
		t.Errorf("a batch of nothing new: %+v", got)
	}
}

// A no-op moves the index and not the hash: nodes see different no-ops.
func TestNoopMovesOnlyTheIndex(t *testing.T) {
	r := newReplica(t)
	r.do(1, command.FoundCluster{ID: "c"})
	hash := r.View().StateHash()
	r.apply(fsm.LogEntry{Index: 50, Term: 3})
	if v := r.View(); v.Index() != 50 || v.Term() != 3 || v.StateHash() != hash {
		t.Errorf("at %d of term %d, hash %x", v.Index(), v.Term(), v.StateHash())
	}
}

func TestTooNewStopsTheMachine(t *testing.T) {
	r := newReplica(t)
	r.do(1, command.FoundCluster{ID: "c"})
	before := r.dump()
	var w model.WireWriter
	w.Uint(1, command.Version+1)
	_, err := r.ApplyBatch([]fsm.LogEntry{
		logged(t, 2, 1, command.PutNode{Node: model.Node{ID: "a"}}), {Index: 3, Term: 1, Data: w.Bytes()},
	})
	if !errors.Is(err, command.ErrTooNew) {
		t.Errorf("a command of a newer program: %v", err)
	}
	if !bytes.Equal(r.dump(), before) || r.View().Index() != 1 {
		t.Error("part of the batch was applied")
	}
}

func TestMinVersionBeyondThisProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	state, err := store.OpenState(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	err = state.Update(func(tx *store.Tx) error { return tx.PutMeta(store.Meta{MinVersion: command.Version + 1}) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fsm.Open(fsm.Options{State: state}); !errors.Is(err, command.ErrTooNew) {
		t.Errorf("opening it: %v", err)
	}
}

func TestWaitApplied(t *testing.T) {
	r := newReplica(t)
	r.do(1, command.FoundCluster{ID: "c"})
	ctx := context.Background()
	if err := r.WaitApplied(ctx, 1); err != nil {
		t.Errorf("waiting for what is there: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := newReplica(t)
		var wait sync.WaitGroup
		for range 5 {
			wait.Go(func() {
				if err := r.WaitApplied(ctx, 3); err != nil {
					t.Error(err)
				}
				if got := r.View().Index(); got < 3 {
					t.Errorf("woken at %d", got)
				}
			})
		}
		short, cancel := context.WithCancelCause(ctx)
		why := errors.New("why")
		wait.Go(func() {
			if err := r.WaitApplied(short, 9); !errors.Is(err, why) {
				t.Errorf("cancelled waiting: %v", err)
			}
		})
		wait.Go(func() {
			if err := r.WaitApplied(ctx, 1000); !errors.Is(err, fsm.ErrClosed) {
				t.Errorf("waiting over the end: %v", err)
			}
		})
		synctest.Wait()
		for i := range 4 {
			r.do(model.Millis(i), command.PutNode{Node: model.Node{ID: "n"}})
			synctest.Wait()
		}
		cancel(why)
		synctest.Wait()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		wait.Wait()
		if _, err := r.ApplyBatch([]fsm.LogEntry{logged(t, 5, 1, command.GC{})}); !errors.Is(err, fsm.ErrClosed) {
			t.Errorf("applying to a closed machine: %v", err)
		}
		if err := r.WaitApplied(ctx, 4); err != nil {
			t.Errorf("waiting for what is there, closed: %v", err)
		}
		if r.View().Index() != 4 {
			t.Error("the view is gone with the closing")
		}
	})
}

func TestObserveAndWatch(t *testing.T) {
	r := newReplica(t)
	var changes []fsm.Change
	cancel := r.Observe(func(c fsm.Change) {
		if r.View().Index() != c.Index {
			t.Error("told before the view was there")
		}
		changes = append(changes, c)
	})
	changed, unwatch := r.Watch(theKey)
	other, unwatchOther := r.Watch(model.DeliveryKey{Group: "other"})
	r.ok(1, command.PutNode{Node: model.Node{ID: "n1"}})
	r.ok(1, configOf("a", "1"))
	r.ok(1, command.PutSilence{Silence: model.Silence{ID: "s"}})
	r.do(1, command.Release{Release: model.Release{Key: theKey, Token: token("t"), Node: "n1"}})
	if isClosed(changed) {
		t.Error("a command that changed nothing woke a watcher")
	}
	k2 := model.DeliveryKey{Group: "a"}
	claim := func(k model.DeliveryKey) command.Command {
		return command.Claim{ClaimRequest: model.ClaimRequest{Key: k, Token: token("t"), Node: "n1", ConfigRev: 1}}
	}
	r.do(1, claim(theKey), claim(k2), claim(theKey))
	if !isClosed(changed) || isClosed(other) {
		t.Error("not the right watcher was woken")
	}
	cancel()
	cancel()
	r.ok(1, command.RemoveNode{ID: "n1"})
	want := []fsm.Change{
		{Index: 1, Nodes: true},
		{Index: 2, Config: true},
		{Index: 3, Silences: true},
		{Index: 4},
		{Index: 5, Keys: []model.DeliveryKey{k2, theKey}},
	}
	if !slices.EqualFunc(changes, want, func(a, b fsm.Change) bool {
		ka, kb := a.Keys, b.Keys
		a.Keys, b.Keys = nil, nil
		return slices.Equal(ka, kb) && a.Index == b.Index && a.Config == b.Config && a.Silences == b.Silences && a.Nodes == b.Nodes
	}) {
		t.Errorf("changes are\n%+v, want\n%+v", changes, want)
	}
	unwatch()
	unwatch()
	unwatchOther()
	if n := r.Watching(); n != 0 {
		t.Errorf("%d watchers are left", n)
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// A restore wakes everybody: what they wait for may be in it.
func TestRestoreWakes(t *testing.T) {
	from := newReplica(t)
	from.ok(1, command.PutNode{Node: model.Node{ID: "n1"}})
	from.ok(1, command.Claim{ClaimRequest: model.ClaimRequest{Key: theKey, Token: token("t"), Node: "n1"}})
	from.apply(fsm.LogEntry{Index: 40, Term: 2})
	snap := from.dump()
	synctest.Test(t, func(t *testing.T) {
		r := newReplica(t)
		old := model.DeliveryKey{Group: "old"}
		r.ok(1, command.PutNode{Node: model.Node{ID: "n2"}})
		r.ok(1, command.Claim{ClaimRequest: model.ClaimRequest{Key: old, Token: token("t"), Node: "n2"}})
		var last fsm.Change
		defer r.Observe(func(c fsm.Change) { last = c })()
		for _, k := range []model.DeliveryKey{theKey, old} {
			changed, cancel := r.Watch(k)
			defer cancel()
			defer func() {
				if !isClosed(changed) {
					t.Errorf("who watches %v was not woken", k)
				}
			}()
		}
		var wait sync.WaitGroup
		wait.Go(func() {
			if err := r.WaitApplied(context.Background(), 40); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		held := r.View()
		if err := r.Restore(bytes.NewReader(snap)); err != nil {
			t.Fatal(err)
		}
		wait.Wait()
		if !last.Restored || !last.Config || !last.Silences || !last.Nodes || last.Index != 40 || len(last.Keys) != 2 {
			t.Errorf("observers were told %+v", last)
		}
		if _, ok := held.Entry(old); !ok || held.Index() != 2 {
			t.Error("a view that was held changed under the restore")
		}
		if v := r.View(); v.ClaimCount() != 1 || v.StateHash() != from.View().StateHash() {
			t.Errorf("restored with %d claims", v.ClaimCount())
		}
	})
}

func TestFailedRestoreKeepsTheView(t *testing.T) {
	from := newReplica(t)
	from.ok(1, command.FoundCluster{ID: "c1"})
	snap := from.dump()
	r := newReplica(t)
	r.ok(1, command.FoundCluster{ID: "c2"})
	before := r.View()
	told := false
	defer r.Observe(func(fsm.Change) { told = true })()
	for _, f := range []struct {
		in   io.Reader
		want error
	}{
		{bytes.NewReader(snap), store.ErrOtherCluster},
		{bytes.NewReader(snap[:len(snap)-1]), store.ErrOtherCluster},
		{strings.NewReader("junk"), store.ErrNotSnapshot},
	} {
		if err := r.Restore(f.in); !errors.Is(err, f.want) {
			t.Errorf("restore returned %v, want %v", err, f.want)
		}
	}
	if r.View() != before || told {
		t.Error("a failed restore changed the view")
	}
	r.ok(1, command.PutNode{Node: model.Node{ID: "n"}})
}

func TestSnapshotWhileApplying(t *testing.T) {
	r := newReplica(t)
	r.ok(1, command.FoundCluster{ID: "c1"})
	s, err := r.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	r.ok(1, command.PutNode{Node: model.Node{ID: "n"}})
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	to := newReplica(t)
	if err := to.Restore(&b); err != nil {
		t.Fatal(err)
	}
	if v := to.View(); s.Index() != 1 || s.Term() != 1 || v.Index() != 1 || len(slices.Collect(v.Nodes())) != 0 {
		t.Errorf("the snapshot at %d holds index %d", s.Index(), v.Index())
	}
}

func TestMetrics(t *testing.T) {
	state, err := store.OpenState(filepath.Join(t.TempDir(), "state.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	reg := prometheus.NewRegistry()
	m, err := fsm.Open(fsm.Options{State: state, Registerer: reg, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{t: t, Machine: m}
	r.do(1, command.FoundCluster{ID: "c"}, command.RemoveNode{ID: "n"}, command.Expire{Expiry: model.Expiry{Key: theKey, Token: token("t")}})
	r.apply(fsm.LogEntry{Index: 2, Term: 1, Data: []byte("junk")})
	want := `
# HELP tocsin_fsm_applied_index The log index up to which this node has applied.
# TYPE tocsin_fsm_applied_index gauge
tocsin_fsm_applied_index 2
# HELP tocsin_fsm_commands_total Commands applied by this node, by what they are and what became of them.
# TYPE tocsin_fsm_commands_total counter
tocsin_fsm_commands_total{command="expire",result="not_found"} 1
tocsin_fsm_commands_total{command="found_cluster",result="ok"} 1
tocsin_fsm_commands_total{command="remove_node",result="ok"} 1
tocsin_fsm_commands_total{command="unreadable",result="invalid"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "tocsin_fsm_applied_index", "tocsin_fsm_commands_total"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("the metrics have faults: %v, %v", problems, err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(reg); err != nil || n != 0 {
		t.Errorf("%d metrics are left after closing, %v", n, err)
	}
}
