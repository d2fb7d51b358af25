package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"syscall"
	"time"

	"tocsin/cluster/clock"
	"tocsin/cluster/gossip"
	"tocsin/cluster/rpc"
	"tocsin/fsm/model"
)

// Who is there is known twice: from gossip, and from the port between nodes,
// where every node asks every other how it is. Either way may be blocked while
// the other is open. A node that answers on its port is there, whatever gossip
// says; its facts are those that came last. A node on whose port nobody listens
// any more and that does not answer gossip's pings either is gone at once, where
// gossip alone would take seconds. Silence proves nothing: of a node that is only
// silent, gossip's word counts.
const (
	lookInterval = 2 * time.Second
	// lookAgain is the least pause between two rounds.
	lookAgain = 100 * time.Millisecond
	// lookTime bounds one question, and is as long as a clock's answer may take.
	lookTime  = time.Second
	lookTries = 3
	// sightFor is how long an answer shows that a node is there.
	sightFor = 6 * time.Second
	// seenFor is how long it shows so to others, who hear of it late: by the time
	// that they miss a node themselves, nobody tells them of it any more.
	seenFor      = 3 * time.Second
	forgetSights = 10 * time.Minute
	// pingsBeforeGone is how many of gossip's pings must get lost.
	pingsBeforeGone = 3
)

// sights are the other nodes as their ports show them.
type sights struct {
	lost chan struct{} // a connection broke: it is time to look

	mu sync.Mutex // guards of
	of map[model.NodeID]sight
}

// sight is one of them.
type sight struct {
	facts gossip.Meta
	sees  []model.NodeID // the nodes that it reaches
	heard time.Time      // when it last answered
	// applied is its applied index at that time, 0 if it does not say.
	applied uint64
	gone    time.Time // since when nobody listens; zero if somebody does, or may
}

func newSights() *sights {
	return &sights{lost: make(chan struct{}, 1), of: make(map[model.NodeID]sight)}
}

// connectionLost is called when a connection to another node broke.
func (s *sights) connectionLost(string) {
	select {
	case s.lost <- struct{}{}:
	default:
	}
}

// answered takes down that a node is there, and reports whether that changes
// what is known of it.
func (s *sights) answered(id model.NodeID, a state) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, now := s.of[id], time.Now()
	s.of[id] = sight{facts: a.facts, sees: a.Sees, heard: now, applied: a.Applied}
	return old.facts != a.facts || !old.gone.IsZero() || now.Sub(old.heard) > sightFor
}

// vanished takes down that a node is gone.
func (s *sights) vanished(id model.NodeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.of[id]
	v.gone = time.Now()
	s.of[id] = v
}

// lately are the nodes that have answered lately.
func (s *sights) lately() []model.NodeID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []model.NodeID
	for id, v := range s.of {
		if v.there() && time.Since(v.heard) < seenFor {
			out = append(out, id)
		}
	}
	return out
}

// forget drops what is too old to say anything.
func (s *sights) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, v := range s.of {
		if time.Since(v.heard) > forgetSights && time.Since(v.gone) > forgetSights {
			delete(s.of, id)
		}
	}
}

func (s *sights) get(id model.NodeID) (sight, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.of[id]
	return v, ok
}

// there reports whether the sight shows that the node lives.
func (s sight) there() bool { return s.gone.IsZero() && time.Since(s.heard) < sightFor }

// correct is what is known of a member of whom gossip says m.
func (s sight) correct(m gossip.Member) gossip.Member {
	if s.heard.After(m.Told) {
		m.Meta = s.facts
	}
	switch {
	case s.there() && !m.Alive:
		m.Alive, m.Since = true, s.heard
	case !s.gone.IsZero() && m.Alive && m.Acked.Before(s.gone):
		m.Alive, m.Since = false, s.gone
	}
	return m
}

// members are the nodes that gossip or their own ports show, or have shown; none
// when clustering is off.
func (n *Node) members() []gossip.Member {
	if n.gossip == nil {
		return nil
	}
	out := n.gossip.Members()
	known := make(map[model.NodeID]bool, len(out))
	for i, m := range out {
		known[m.ID] = true
		if s, ok := n.sights.get(m.ID); ok && !m.Self {
			out[i] = s.correct(m)
		}
	}
	n.sights.mu.Lock()
	defer n.sights.mu.Unlock()
	for id, s := range n.sights.of {
		if !known[id] && s.there() {
			out = append(out, gossip.Member{Meta: s.facts, Alive: true, Since: s.heard})
		}
	}
	return out
}

// member is the one of that ID.
func (n *Node) member(id model.NodeID) (gossip.Member, bool) {
	if n.gossip == nil || id == "" {
		return gossip.Member{}, false
	}
	m, ok := n.gossip.Member(id)
	s, seen := n.sights.get(id)
	switch {
	case ok && seen && !m.Self:
		return s.correct(m), true
	case !ok && seen && s.there():
		return gossip.Member{Meta: s.facts, Alive: true, Since: s.heard}, true
	}
	return m, ok
}

// runLook asks the other nodes how they are, and for their clocks, until ctx ends.
func (n *Node) runLook(ctx context.Context) {
	var settle sync.Once
	settled := func() { settle.Do(func() { close(n.clockSettled) }) }
	late := time.AfterFunc(settleTime, settled)
	defer late.Stop()
	defer settled()
	var said skewLog
	for {
		known := (n.gossip == nil || n.gossip.Settled()) && !n.isStranger()
		n.lookAround(ctx)
		said.see(n, n.judgeClocks())
		wait := lookInterval
		if known {
			settled()
		} else {
			wait = lookAgain
		}
		if !sleep(ctx, lookAgain) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-n.clock.Steps():
		case <-n.sights.lost:
		case <-time.After(wait - lookAgain):
		}
	}
}

// lookAround asks all nodes at a time.
func (n *Node) lookAround(ctx context.Context) {
	n.sights.forget()
	if n.isStranger() {
		return // nobody would answer
	}
	var wg sync.WaitGroup
	for _, p := range n.ListPeers() {
		if p.Self || p.RaftAddress == "" || !p.Member && (!p.Alive || n.trust != nil && p.Waiting) {
			continue
		}
		wg.Go(func() { n.lookAt(ctx, p.ID, p.RaftAddress) })
	}
	wg.Wait()
}

// lookAt asks one node, again where it took long: a first question may have had
// to open the connection, and then says little about the clock. Who fails at once
// is asked again too, and who refuses the connection twice may be gone.
func (n *Node) lookAt(ctx context.Context, id model.NodeID, address string) {
	refusals := 0
	for range lookTries {
		sent := n.clock.Elapsed()
		answer, err := n.askState(ctx, address)
		took := n.clock.Elapsed() - sent
		var answered *rpc.Refusal
		switch {
		case err == nil:
			n.clock.Heard(id, answer.Clock, sent, sent+took)
			if answer.facts.ID == id && n.sights.answered(id, answer) {
				n.lookAtQuorum()
			}
			if took < lookAgain {
				return
			}
			continue
		case took >= lookTime || errors.As(err, &answered):
			return
		case errors.Is(err, syscall.ECONNREFUSED):
			refusals++
		}
		if refusals >= 2 {
			n.refused(ctx, id)
			return
		}
		if !sleep(ctx, lookAgain) {
			return
		}
	}
}

// refused finds out whether a node whose port nobody listens on is gone. The
// port may be blocked: then gossip's pings are answered.
func (n *Node) refused(ctx context.Context, id model.NodeID) {
	if s, _ := n.sights.get(id); !s.gone.IsZero() {
		return
	}
	if m, ok := n.member(id); !ok || !m.Alive || n.gossip.Pings(id, pingsBeforeGone) || ctx.Err() != nil {
		return
	}
	n.sights.vanished(id)
	n.log.Info("a node is gone: nobody listens on its port, and gossip gets no answer", "node", id)
	n.lookAtQuorum()
}

// state is the answer to kindState.
type state struct {
	Clock clock.Told `json:"clock"`
	// Facts are gossip.Meta, encoded.
	Facts []byte `json:"facts"`
	// Sees are the nodes that it reaches by their ports.
	Sees []model.NodeID `json:"sees,omitempty"`
	// Applied is the newest log entry that has changed its state.
	Applied uint64 `json:"applied,omitempty"`

	facts gossip.Meta
}

func (n *Node) askState(ctx context.Context, address string) (state, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	b, err := n.client.Call(ctx, address, kindState, nil)
	if err != nil {
		return state{}, err
	}
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return state{}, err
	}
	s.facts, err = gossip.DecodeMeta(s.Facts)
	return s, err
}

// answerState is what another node is told of this one.
func (n *Node) answerState() ([]byte, error) {
	facts, err := n.facts(gossip.Meta{ID: n.id}).Encode()
	if err != nil {
		return nil, err
	}
	return json.Marshal(state{Clock: n.clock.Tell(), Facts: facts, Sees: n.sights.lately(), Applied: n.opts.Machine.View().Index()})
}
