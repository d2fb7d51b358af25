package dispatcher_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tocsin/fsm/model"
)

// ledger is a cluster's record in memory, with the rules of the real one as far
// as a dispatcher meets them. All nodes of a test share it; each has a seat.
type ledger struct {
	mu       sync.Mutex
	entries  map[model.DeliveryKey]*model.Entry
	watchers map[model.DeliveryKey][]chan struct{}
	timers   map[model.Token]*time.Timer
	spent    map[model.Token]bool
	config   uint64
	clock    func() time.Time // the leader's
	counted  tally
	denials  map[model.Denial]int
	// onGrant is called after each grant, without the lock.
	onGrant func()
}

// tally is what a ledger counts.
type tally struct {
	history                 []model.Delivery
	grants, quiet, expiries int
}

func (l *ledger) tally() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.counted
	t.history = slices.Clone(t.history)
	return t
}

const expireAfter = 10 * time.Second

var (
	errNoQuorum = errors.New("no quorum")
	errTooLarge = errors.New("too large")
)

func newLedger() *ledger {
	return &ledger{
		entries: make(map[model.DeliveryKey]*model.Entry), watchers: make(map[model.DeliveryKey][]chan struct{}),
		timers: make(map[model.Token]*time.Timer), spent: make(map[model.Token]bool),
		denials: make(map[model.Denial]int), clock: time.Now,
	}
}

func (l *ledger) stamp() model.Millis { return model.Millis(l.clock().UnixMilli()) }

func (l *ledger) entry(key model.DeliveryKey) model.Entry {
	if e := l.entries[key]; e != nil {
		return *e
	}
	return model.Entry{Key: key}
}

// put replaces the entry and tells those who watch. The lock is held.
func (l *ledger) put(e model.Entry) {
	e.Rev++
	if e.Claim != nil && e.Claim.Rev == 0 {
		c := *e.Claim
		c.Rev = e.Rev
		e.Claim = &c
	}
	l.entries[e.Key] = &e
	for _, w := range l.watchers[e.Key] {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (l *ledger) claim(req model.ClaimRequest) model.Grant {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(req.Key)
	g := model.Grant{Denied: l.judge(e, req, l.stamp()), Rev: e.Rev}
	if g.Denied == model.DeniedTooEarly {
		g.RetryAfter = req.MinGap - int64(l.stamp()-e.Stamp)
	}
	if g.Denied != model.DeniedNot {
		l.denials[g.Denied]++
		return g
	}
	if e.Claim == nil {
		l.counted.grants++
		e.Claim = &model.Claim{
			Token: req.Token, Node: req.Node, BaseRev: req.BaseRev, BaseGen: e.Gen, ConfigRev: req.ConfigRev,
			Firing: req.Firing, Resolved: req.Resolved, Reason: req.Reason, GrantedStamp: l.stamp(),
		}
		l.put(e)
		l.timers[req.Token] = time.AfterFunc(expireAfter, func() { l.expire(req.Key, req.Token) })
	}
	return g
}

func (l *ledger) judge(e model.Entry, req model.ClaimRequest, now model.Millis) model.Denial {
	gap := int64(now - e.Stamp)
	switch {
	case e.Claim != nil && e.Claim.Token == req.Token:
		return model.DeniedNot
	case l.spent[req.Token]:
		return model.DeniedSpent
	case e.Claim != nil:
		return model.DeniedClaimed
	case e.Rev != req.BaseRev:
		return model.DeniedStaleRev
	case l.config != req.ConfigRev:
		return model.DeniedStaleConf
	case len(e.Must)+len(e.Maybe) > 0 && gap >= 0 && gap < req.MinGap:
		return model.DeniedTooEarly
	default:
		return model.DeniedNot
	}
}

func (l *ledger) renew(token model.Token) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.timers[token]
	if t == nil {
		return errors.New("not live")
	}
	t.Reset(expireAfter)
	return nil
}

// finish ends the live claim of e. The lock is held.
func (l *ledger) finish(e *model.Entry) {
	l.timers[e.Claim.Token].Stop()
	delete(l.timers, e.Claim.Token)
	l.spent[e.Claim.Token] = true
	e.Claim = nil
}

func (l *ledger) settle(s model.Settlement) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(s.Key)
	live := e.Claim != nil && e.Claim.Token == s.Token
	lapsed := slices.IndexFunc(e.Lapsed, func(c model.Claim) bool { return c.Token == s.Token })
	switch {
	case live:
		if !s.Firing.SubsetOf(e.Claim.Firing) || !s.Resolved.SubsetOf(e.Claim.Resolved) {
			return errors.New("more than was claimed")
		}
		l.finish(&e)
		tell(&e, s.Firing, s.Resolved)
		e.Attempt, e.NotBefore, e.Data = 0, 0, s.Data
	case lapsed >= 0 && e.Claim == nil && e.Rev == e.Lapsed[lapsed].Rev+1:
		// It had no successor, so it was the last message after all.
		tell(&e, s.Firing, s.Resolved)
		e.Lapsed = nil
	case lapsed >= 0:
		as := e
		tell(&as, s.Firing, s.Resolved)
		join(&e, as.Must, as.Maybe, as.Resolved)
		e.Lapsed = slices.Delete(slices.Clone(e.Lapsed), lapsed, lapsed+1)
	case l.spent[s.Token]:
		return nil
	default:
		return errors.New("conflict")
	}
	e.Gen++
	if s.Delivery.Outcome == 0 {
		l.counted.quiet++
	} else {
		e.Stamp = l.stamp()
		l.counted.history = append(l.counted.history, s.Delivery)
	}
	l.put(e)
	return nil
}

func (l *ledger) release(r model.Release) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(r.Key)
	if e.Claim == nil || e.Claim.Token != r.Token {
		return nil
	}
	c := *e.Claim
	l.finish(&e)
	if r.Failed {
		doubt(&e, c.Firing, c.Resolved)
		e.Attempt++
		e.NotBefore = r.NotBefore
		l.counted.history = append(l.counted.history, r.Delivery)
	}
	l.put(e)
	return nil
}

func (l *ledger) expire(key model.DeliveryKey, token model.Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(key)
	if e.Claim == nil || e.Claim.Token != token {
		return
	}
	c := *e.Claim
	l.finish(&e)
	doubt(&e, c.Firing, c.Resolved)
	e.Lapsed = append(slices.Clone(e.Lapsed), c)
	l.counted.expiries++
	l.put(e)
}

// merge is MergeOverlay.
func (l *ledger) merge(o model.Overlay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(o.Key)
	if e.Rev == o.BaseRev && e.Claim == nil {
		e.Must, e.Maybe, e.Resolved, e.Stamp, e.Data = o.Must, o.Maybe, o.Resolved, o.Stamp, o.Data
	} else {
		join(&e, o.Must, o.Maybe, o.Resolved)
		e.Stamp = min(e.Stamp, o.Stamp)
	}
	e.Gen++
	l.put(e)
}

func (l *ledger) setConfig(rev uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.config = rev
}

func tell(e *model.Entry, firing, resolved model.AlertSet) {
	e.Maybe = e.Must.Union(e.Maybe).Minus(firing).Minus(resolved)
	e.Resolved = e.Resolved.Union(resolved).Minus(firing)
	e.Must = firing
}

func doubt(e *model.Entry, firing, resolved model.AlertSet) {
	must := e.Must.Minus(resolved)
	e.Maybe = e.Maybe.Union(firing).Union(e.Must.Intersect(resolved)).Minus(must)
	e.Must, e.Resolved = must, e.Resolved.Minus(firing)
}

func join(e *model.Entry, must, maybe, resolved model.AlertSet) {
	both := e.Must.Intersect(must)
	e.Maybe = e.Must.Union(e.Maybe).Union(must).Union(maybe).Minus(both)
	e.Must, e.Resolved = both, e.Resolved.Intersect(resolved)
}

// seat is a node's place at the ledger: what dispatcher.Ledger and
// dispatcher.Peers ask of it.
type seat struct {
	*ledger
	mu sync.Mutex
	// latency is how long an answer takes.
	latency time.Duration
	// lost is since when the node has no quorum; zero while it has. deaf: a
	// leader is known, but nothing is answered.
	lost time.Time
	deaf bool
	// refuses: every proposal is turned down for good.
	refuses bool
	// late is how long the next claim takes to be granted, unheard of.
	late time.Duration
	// frozen is the state that a node without a quorum is left with.
	frozen            map[model.DeliveryKey]*model.Entry
	rank, of          int
	reachable, voters int
	elsewhere         bool
}

func (s *seat) Entry(key model.DeliveryKey) (*model.Entry, bool) {
	s.mu.Lock()
	frozen := s.frozen
	s.mu.Unlock()
	if frozen != nil {
		e, ok := frozen[key]
		return e, ok
	}
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	e, ok := s.entries[key]
	return e, ok
}

func (s *seat) Watch(key model.DeliveryKey) (<-chan struct{}, func()) {
	w := make(chan struct{}, 1)
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	s.watchers[key] = append(s.watchers[key], w)
	return w, func() {
		s.ledger.mu.Lock()
		defer s.ledger.mu.Unlock()
		s.watchers[key] = slices.DeleteFunc(s.watchers[key], func(c chan struct{}) bool { return c == w })
	}
}

// ask waits as a proposal does.
func (s *seat) ask(ctx context.Context) error {
	s.mu.Lock()
	latency, lost, deaf, refuses := s.latency, s.lost, s.deaf, s.refuses
	s.mu.Unlock()
	if refuses {
		return errTooLarge
	}
	if !lost.IsZero() {
		return errNoQuorum
	}
	if deaf {
		<-ctx.Done()
		return ctx.Err()
	}
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *seat) Claim(ctx context.Context, req model.ClaimRequest) (model.Grant, error) {
	if err := s.ask(ctx); err != nil {
		return model.Grant{}, err
	}
	s.mu.Lock()
	late := s.late
	s.late = 0
	s.mu.Unlock()
	if late > 0 {
		// The answer gets lost, and the grant comes after the caller gave up.
		time.AfterFunc(late, func() { s.claim(req) })
		<-ctx.Done()
		return model.Grant{}, ctx.Err()
	}
	g := s.claim(req)
	s.mu.Lock()
	lost := !s.lost.IsZero()
	s.mu.Unlock()
	if lost {
		// The decision does not get to this node's own state.
		return model.Grant{}, errNoQuorum
	}
	if s.onGrant != nil && g.Denied == model.DeniedNot {
		s.onGrant()
	}
	return g, nil
}

func (s *seat) Renew(ctx context.Context, _ model.DeliveryKey, token model.Token) error {
	if err := s.ask(ctx); err != nil {
		return err
	}
	return s.renew(token)
}

func (s *seat) Settle(ctx context.Context, st model.Settlement) error {
	if err := s.ask(ctx); err != nil {
		return err
	}
	return s.settle(st)
}

func (s *seat) Release(ctx context.Context, r model.Release) error {
	if err := s.ask(ctx); err != nil {
		return err
	}
	return s.release(r)
}

func (s *seat) Rank(model.DeliveryKey) (rank, of int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rank, s.of
}

func (s *seat) Quorum() model.Quorum {
	s.mu.Lock()
	defer s.mu.Unlock()
	return model.Quorum{Held: s.lost.IsZero(), LostAt: s.lost, Reachable: s.reachable, Voters: s.voters, Elsewhere: s.elsewhere}
}

// back ends the loss of the quorum.
func (s *seat) back() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost, s.frozen = time.Time{}, nil
}

// gossip carries overlays between the nodes of a test.
type gossip struct {
	mu   sync.Mutex
	kept map[model.NodeID]map[model.DeliveryKey]model.Overlay
	// final are the kept overlays whose send is over, by their numbers.
	final map[model.NodeID]map[model.DeliveryKey]model.OverlayMark
	// apart says which two nodes do not hear of each other.
	apart func(a, b model.NodeID) bool
	puts  int
}

func newGossip() *gossip {
	return &gossip{kept: make(map[model.NodeID]map[model.DeliveryKey]model.Overlay), apart: func(a, b model.NodeID) bool { return false }}
}

// mouth is a node's end of the gossip.
type mouth struct {
	*gossip
	node model.NodeID
	// heard are the overlays of others, by origin.
	heard map[model.NodeID]map[model.DeliveryKey]model.Overlay
	hang  chan struct{}
	// gone: nothing is kept or heard of any more.
	gone bool
	all  *[]*mouth
}

func (m *mouth) Keep(o model.Overlay) error {
	if m.hang != nil {
		<-m.hang
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return nil
	}
	m.puts++
	m.store(m.kept, m.node, o)
	return nil
}

func (m *mouth) store(to map[model.NodeID]map[model.DeliveryKey]model.Overlay, of model.NodeID, o model.Overlay) {
	if to[of] == nil {
		to[of] = make(map[model.DeliveryKey]model.Overlay)
	}
	if old := to[of][o.Key]; !markOf(old).Covers(o) {
		to[of][o.Key] = o
	}
}

func (m *mouth) Announce(o model.Overlay) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return
	}
	m.store(m.kept, m.node, o)
	m.end(o)
	for _, p := range *m.all {
		if p != m && !m.apart(m.node, p.node) {
			p.store(p.heard, m.node, o)
		}
	}
}

func (m *mouth) Withdraw(o model.Overlay) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.kept[m.node][o.Key]; ok && markOf(o).Covers(old) && !m.gone {
		delete(m.kept[m.node], o.Key)
	}
}

func (m *mouth) Overlays(key model.DeliveryKey) []model.Overlay {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return nil
	}
	var out []model.Overlay
	if o, ok := m.kept[m.node][key]; ok {
		out = append(out, o)
	}
	for _, by := range m.heard {
		if o, ok := by[key]; ok {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b model.Overlay) int {
		if a.Origin < b.Origin {
			return -1
		}
		return 1
	})
	return out
}

// end notes that the send of an overlay is over.
func (m *mouth) end(o model.Overlay) {
	if m.final == nil {
		m.final = make(map[model.NodeID]map[model.DeliveryKey]model.OverlayMark)
	}
	if m.final[m.node] == nil {
		m.final[m.node] = make(map[model.DeliveryKey]model.OverlayMark)
	}
	if !m.final[m.node][o.Key].Covers(o) {
		m.final[m.node][o.Key] = markOf(o)
	}
}

func markOf(o model.Overlay) model.OverlayMark {
	return model.OverlayMark{Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq}
}

// reborn is after a restart: no send of what is kept is under way.
func (m *mouth) reborn() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.kept[m.node] {
		m.end(o)
	}
}

// drain merges what the node kept into the ledger, but for sends under way.
func (m *mouth) drain(l *ledger) {
	m.mu.Lock()
	var mine []model.Overlay
	for key, o := range m.kept[m.node] {
		if !m.final[m.node][key].Covers(o) {
			continue
		}
		mine = append(mine, o)
		delete(m.kept[m.node], key)
		for _, p := range *m.all {
			delete(p.heard[m.node], key)
		}
	}
	m.mu.Unlock()
	for _, o := range mine {
		l.merge(o)
	}
}
