package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// Bounds of a lane.
const (
	// entryBytes is how large a batch may grow; a single proposal may be
	// larger, up to command.MaxBytes.
	entryBytes = 512 << 10
	// laneQueue and laneBytes bound what waits.
	laneQueue = 8192
	laneBytes = 32 << 20
	// laneFlights bounds the batches that are under way. More would not make
	// them faster: one that waits grows instead.
	laneFlights = 4
	// flightTime bounds one attempt. What is not answered by then is unknown.
	flightTime = 5 * time.Second
)

// reply is what the cluster answered to a batch.
type reply struct {
	results []command.Result
	index   uint64 // log index; the node that asks waits for its own state to reach it
}

// proposal is a list of commands that stay together and in order.
type proposal struct {
	cmds   []command.Command
	bytes  int
	answer chan answer
}

type answer struct {
	reply reply
	err   error
}

// lane carries proposals one way, to Raft or to the leader. What comes while
// others are under way shares the next batch.
type lane struct {
	send func(ctx context.Context, cmds []command.Command) (reply, error)
	ctx  context.Context
	wg   sync.WaitGroup

	mu      sync.Mutex // guards the rest
	queue   []*proposal
	bytes   int
	flights int
	closed  bool
	dropped uint64
}

func newLane(ctx context.Context, send func(context.Context, []command.Command) (reply, error)) *lane {
	return &lane{ctx: ctx, send: send}
}

// submit carries cmds and waits for their answer. When ctx ends first, the
// outcome is not applied if they were still waiting, else unknown.
func (l *lane) submit(ctx context.Context, p proposal) (reply, error) {
	p.answer = make(chan answer, 1)
	if err := l.enqueue(&p); err != nil {
		return reply{}, err
	}
	select {
	case a := <-p.answer:
		return a.reply, a.err
	case <-ctx.Done():
		if l.withdraw(&p) {
			return reply{}, fmt.Errorf("%w: still queued: %w", errNotLeading, ctx.Err())
		}
		return reply{}, ctx.Err()
	}
}

func (l *lane) enqueue(p *proposal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case len(l.queue) >= laneQueue || l.bytes+p.bytes > laneBytes && l.bytes > 0:
		l.dropped++
		return ErrBusy
	}
	l.queue = append(l.queue, p)
	l.bytes += p.bytes
	if l.flights < laneFlights {
		l.flights++
		l.wg.Go(l.fly)
	}
	return nil
}

// withdraw takes p out of the queue and reports whether it still was in it.
func (l *lane) withdraw(p *proposal) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, q := range l.queue {
		if q == p {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			l.bytes -= p.bytes
			return true
		}
	}
	return false
}

// fly sends batches until nothing waits.
func (l *lane) fly() {
	for batch := l.next(); len(batch) > 0; batch = l.next() {
		l.carry(batch)
	}
}

func (l *lane) carry(batch []*proposal) {
	var cmds []command.Command
	for _, p := range batch {
		cmds = append(cmds, p.cmds...)
	}
	ctx, cancel := context.WithTimeout(l.ctx, flightTime)
	defer cancel()
	r, err := l.send(ctx, cmds)
	if err == nil && len(r.results) != len(cmds) {
		err = fmt.Errorf("%d results for %d commands", len(r.results), len(cmds))
	}
	for _, p := range batch {
		a := answer{err: err}
		if err == nil {
			a.reply = reply{results: r.results[:len(p.cmds):len(p.cmds)], index: r.index}
			r.results = r.results[len(p.cmds):]
		}
		p.answer <- a
	}
}

// next takes the next batch off the queue; with none, this flight has landed.
func (l *lane) next() []*proposal {
	l.mu.Lock()
	defer l.mu.Unlock()
	bytes, count, n := 0, 0, 0
	for n < len(l.queue) && (n == 0 ||
		bytes+l.queue[n].bytes <= entryBytes && count+len(l.queue[n].cmds) <= command.MaxCommands) {
		bytes += l.queue[n].bytes
		count += len(l.queue[n].cmds)
		n++
	}
	if n == 0 {
		l.flights--
		l.queue = nil
		return nil
	}
	batch := append([]*proposal(nil), l.queue[:n]...)
	clear(l.queue[:n])
	l.queue = l.queue[n:]
	l.bytes -= bytes
	return batch
}

// close refuses more, answers what waits, and waits for the flights, whose
// context must have ended.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	waiting := l.queue
	l.queue, l.bytes = nil, 0
	l.mu.Unlock()
	for _, p := range waiting {
		p.answer <- answer{err: ErrClosed}
	}
	l.wg.Wait()
}

// depth is how many proposals wait, and how many were turned away so far.
func (l *lane) depth() (waiting int, dropped uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue), l.dropped
}

// newProposal checks cmds as the state machine's wire form does.
func newProposal(cmds []command.Command) (proposal, error) {
	b, err := command.Encode(command.Envelope{Commands: cmds})
	if err != nil {
		return proposal{}, err
	}
	return proposal{cmds: cmds, bytes: len(b)}, nil
}

// encodeForLog is a log entry: the leader stamps it.
func encodeForLog(stamp model.Millis, by model.NodeID, cmds []command.Command) ([]byte, error) {
	return command.Encode(command.Envelope{Stamp: stamp, Proposer: by, Commands: cmds})
}
