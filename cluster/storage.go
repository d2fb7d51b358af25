package cluster

import (
	"context"
	"sync"
	"time"
)

// storage is what is wrong with this node's disk, as far as Raft is concerned.
type storage struct {
	mu    sync.Mutex // guards the rest
	err   error
	since time.Time
	// until is the index that must be applied before the disk counts as
	// healthy, after applying has failed.
	until uint64
}

func (s *storage) get() (since time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.err
}

// fail takes down a failure and reports whether it is a new one.
func (s *storage) fail(err error, until uint64, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = max(s.until, until)
	fresh := s.err == nil
	if fresh {
		s.since = now
	}
	s.err = err
	return fresh
}

func (s *storage) pending() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.until
}

// heal reports whether there was a failure.
func (s *storage) heal() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.err != nil
	s.err, s.since, s.until = nil, time.Time{}, 0
	return was
}

func (n *Node) storageFailed(err error, until uint64) {
	if n.storage.fail(err, until, n.opts.Now()) {
		n.log.Error("the disk failed: this node takes no part in Raft until it is usable again, and pages without a quorum meanwhile",
			"err", err, "retry_in", n.opts.Timing.Reopen)
	} else {
		n.log.Warn("the disk is still not usable", "err", err)
	}
	n.tellState()
}

// awaitHealthy waits until what failed before works, and takes the failure back.
func (n *Node) awaitHealthy(ctx context.Context) {
	if until := n.storage.pending(); until > 0 && n.opts.Machine.WaitApplied(ctx, until) != nil {
		return
	}
	if ctx.Err() == nil && n.storage.heal() {
		n.log.Info("the disk is usable again")
		n.tellState()
	}
}
