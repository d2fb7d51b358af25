package archive_test

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"tocsin/fsm/archive"
	"tocsin/store"
)

// slowState is no state, and takes its time to end after it was refused.
type slowState struct {
	writing atomic.Int32
	wait    func()
}

func (s *slowState) WriteTo(w io.Writer) (int64, error) {
	s.writing.Add(1)
	defer s.writing.Add(-1)
	n, err := w.Write(bytes.Repeat([]byte{'x'}, 1<<20))
	s.wait()
	return int64(n), err
}

// TestWriteEndsAfterItsReader: who gets an error may let the state go, so nobody
// reads it any more then.
func TestWriteEndsAfterItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowState{wait: synctest.Wait}
		_, err := archive.Write(io.Discard, s, about())
		if !errors.Is(err, store.ErrNotSnapshot) {
			t.Fatalf("got %v, want that it is no state", err)
		}
		if s.writing.Load() != 0 {
			t.Error("the state is read on after the error")
		}
	})
}
