package cluster

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// errNotReached is what replication to a node out of reach ends with, when there
// is no more reason to wait for it.
var errNotReached = errors.New("node is out of reach")

// patient is the transport of one instance of Raft. It holds replication to a
// node that heartbeats do not reach back, until one does. Raft by itself tries,
// and after each failure sleeps longer, in the end ten seconds; a node that was
// away for as long would hear heartbeats, and so think that it is in step, for
// ten more seconds before it gets what it has missed.
type patient struct {
	*raft.NetworkTransport
	ctx  context.Context // of the instance's connections
	raft atomic.Pointer[raft.Raft]

	mu   sync.Mutex // guards away
	away map[raft.ServerID]chan struct{}
}

// Raft looks for these by type assertion, and without an error does without them.
// Pre-vote keeps a node that was cut off from disturbing the others when it comes
// back.
var (
	_ raft.WithPreVote = (*patient)(nil)
	_ raft.WithClose   = (*patient)(nil)
)

func newPatient(ctx context.Context, t *raft.NetworkTransport) *patient {
	return &patient{NetworkTransport: t, ctx: ctx, away: make(map[raft.ServerID]chan struct{})}
}

// lookForReason is how often a held request looks whether it still has a reason.
const lookForReason = 100 * time.Millisecond

// AppendEntries sends a heartbeat or entries.
func (p *patient) AppendEntries(id raft.ServerID, target raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	beat := isHeartbeat(req)
	if !beat {
		if err := p.await(id, req.Term); err != nil {
			return err
		}
	}
	err := p.NetworkTransport.AppendEntries(id, target, req, resp)
	switch {
	case err != nil:
		p.lost(id)
	case beat:
		p.found(id)
	}
	return err
}

// isHeartbeat tells heartbeats from entries as Raft's own transport does.
func isHeartbeat(r *raft.AppendEntriesRequest) bool {
	return r.PrevLogEntry == 0 && r.PrevLogTerm == 0 && len(r.Entries) == 0 && r.LeaderCommitIndex == 0
}

// reaches reports whether heartbeats reach the node.
func (p *patient) reaches(id raft.ServerID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away[id] == nil
}

func (p *patient) lost(id raft.ServerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away[id] == nil {
		p.away[id] = make(chan struct{})
	}
}

func (p *patient) found(id raft.ServerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if back := p.away[id]; back != nil {
		close(back)
		delete(p.away, id)
	}
}

// await returns when a heartbeat has reached the node, or with errNotReached when
// this node does not lead in that term any more, the other is no member any more,
// or the instance ends.
func (p *patient) await(id raft.ServerID, term uint64) error {
	p.mu.Lock()
	back := p.away[id]
	p.mu.Unlock()
	if back == nil {
		return nil
	}
	t := time.NewTicker(lookForReason)
	defer t.Stop()
	for {
		select {
		case <-back:
			return nil
		case <-p.ctx.Done():
			return errNotReached
		case <-t.C:
		}
		if !p.hasReason(id, term) {
			return errNotReached
		}
	}
}

func (p *patient) hasReason(id raft.ServerID, term uint64) bool {
	r := p.raft.Load()
	if r == nil {
		return true
	}
	if r.State() != raft.Leader || r.CurrentTerm() != term {
		return false
	}
	f := r.GetConfiguration()
	return f.Error() == nil && memberOf(f.Configuration(), id)
}
