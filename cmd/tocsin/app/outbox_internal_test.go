package app

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/fsm/model"
)

// sends is a local file in memory.
type sends struct {
	mu     sync.Mutex // guards the rest
	kept   map[model.Token]model.Send
	writes int
	err    error
	hang   chan struct{}
}

func (f *sends) WriteSends(put []model.Send, drop []model.Token) error {
	f.mu.Lock()
	hang := f.hang
	f.mu.Unlock()
	if hang != nil {
		<-hang
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	if f.err != nil {
		return f.err
	}
	for _, s := range put {
		f.kept[s.Token] = s
	}
	for _, t := range drop {
		delete(f.kept, t)
	}
	return nil
}

func (f *sends) Sends() ([]model.Send, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []model.Send
	for _, s := range f.kept {
		all = append(all, s)
	}
	return all, nil
}

func (f *sends) phases() map[byte]model.SendPhase {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make(map[byte]model.SendPhase)
	for t, s := range f.kept {
		out[t[0]] = s.Phase
	}
	return out
}

func (f *sends) set(err error, hang chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.hang = err, hang
}

func record(n byte, phase model.SendPhase) model.Send {
	return model.Send{Key: model.DeliveryKey{Group: "g"}, Token: model.Token{n}, Phase: phase}
}

// withOutbox runs a test with an outbox over a file, and ends it in order.
func withOutbox(t *testing.T, f *sends, test func(o *outbox)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if f.kept == nil {
			f.kept = make(map[model.Token]model.Send)
		}
		o := openOutbox(f, slog.New(slog.DiscardHandler), nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			o.run(ctx)
		}()
		test(o)
		cancel()
		<-done
	})
}

func TestOutboxWritesTogether(t *testing.T) {
	f := &sends{}
	withOutbox(t, f, func(o *outbox) {
		for n := range byte(100) {
			o.Put(record(n, model.SendBegun))
		}
		o.Drop(model.Token{7}) // ended before anything was written
		time.Sleep(begunLinger)
		synctest.Wait()
		if got := f.phases(); len(got) != 99 || f.writes != 1 {
			t.Errorf("%d records after %d writes, want 99 after one", len(got), f.writes)
		}
		// What arrived is not held back by what waits longer.
		o.Put(record(100, model.SendBegun))
		o.Put(record(1, model.SendDone))
		time.Sleep(doneLinger)
		synctest.Wait()
		if got := f.phases(); got[1] != model.SendDone || f.writes != 2 {
			t.Errorf("record 1 is %v after %d writes", got[1], f.writes)
		}
		for n := range byte(101) {
			o.Drop(model.Token{n})
		}
		time.Sleep(dropLinger)
		synctest.Wait()
		if got := f.phases(); len(got) != 0 || f.writes != 3 {
			t.Errorf("%v after %d writes", got, f.writes)
		}
		if len(o.written)+len(o.puts)+len(o.drops) != 0 {
			t.Error("it remembers what is over")
		}
	})
}

// A stop writes what waits; what is read at the next start can be dropped.
func TestOutboxIsReadAgain(t *testing.T) {
	f := &sends{}
	withOutbox(t, f, func(o *outbox) { o.Put(record(1, model.SendBegun)) })
	withOutbox(t, f, func(o *outbox) {
		if got := o.Left(); len(got) != 1 || got[0].Token != (model.Token{1}) {
			t.Errorf("left are %+v", got)
		}
		o.Drop(model.Token{1})
	})
	if got := f.phases(); len(got) != 0 {
		t.Errorf("%v is left", got)
	}
}

// I15: a disk that is full or hangs holds nobody up, and is caught up with.
func TestOutboxOnABadDisk(t *testing.T) {
	f := &sends{}
	withOutbox(t, f, func(o *outbox) {
		f.set(errors.New("no space left"), nil)
		o.Put(record(1, model.SendBegun))
		o.Put(record(2, model.SendBegun))
		time.Sleep(time.Second)
		o.Put(record(1, model.SendDone))
		o.Drop(model.Token{2})
		time.Sleep(2 * time.Second)
		if f.writes != 1 || testutil.ToFloat64(o.failed) != 1 {
			t.Errorf("%d writes in three seconds, %v counted", f.writes, testutil.ToFloat64(o.failed))
		}
		f.set(nil, nil)
		time.Sleep(outboxRetry)
		if got := f.phases(); !maps.Equal(got, map[byte]model.SendPhase{1: model.SendDone}) {
			t.Errorf("after the disk has room again: %v", got)
		}

		hang := make(chan struct{})
		f.set(nil, hang)
		began := time.Now()
		o.Put(record(3, model.SendDone))
		time.Sleep(time.Second)
		for n := range outboxRecords {
			o.Put(model.Send{Token: model.Token{9, byte(n), byte(n >> 8)}, Phase: model.SendBegun})
		}
		o.Drop(model.Token{3})
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if testutil.ToFloat64(o.lost) == 0 || len(o.puts)+len(o.written) > outboxRecords {
			t.Errorf("%d records in memory, %v counted as lost", len(o.puts)+len(o.written), testutil.ToFloat64(o.lost))
		}
		f.set(nil, nil)
		close(hang)
		time.Sleep(2 * dropLinger)
		if _, there := f.phases()[3]; there {
			t.Error("a record that was dropped while it was written is there")
		}
	})
}
