package sim_test

import (
	"slices"
	"time"

	"tocsin/cmd/tocsin/app"
	"tocsin/fsm"
	"tocsin/fsm/model"
)

// The checks of the design's invariants. Each cites its number.

// The longest that the product may take.
const (
	claimTimeout = 3 * time.Second
	expiry       = 10 * time.Second
	election     = 4 * time.Second
	// healTime is what the hold of a cut has beyond the peer timeout.
	healTime = 2500 * time.Millisecond
	// slack is for what runs once a second.
	slack = 2 * time.Second
	// connectTime is how long a message waits for a receiver that is out of reach
	// until it is given up, and looked at again.
	connectTime = 6 * time.Second
	// lonelyAfter is when a node that is cut off knows it: gossip takes up to ten
	// seconds, and more if it was slow before.
	lonelyAfter = 20 * time.Second
	// healthyBound is how long a telling takes where nothing is wrong and has
	// not been for recovery.
	healthyBound = groupWait + groupInterval + slack
	recovery     = 30 * time.Second
)

// degradedBound is how long a telling without a quorum takes (I10).
func (w *world) degradedBound() time.Duration {
	return groupWait + groupInterval + claimTimeout + peerTimeout + healTime + time.Duration(w.s.Nodes-1)*peerTimeout + time.Second + slack
}

// worstBound is how long any telling takes while the views are stable (I1).
func (w *world) worstBound() time.Duration { return w.degradedBound() + expiry + election }

// receiverOf is the receiver of an alert.
func (w *world) receiverOf(s *source) *receiver {
	for _, r := range w.receivers {
		if r.name == s.receiver() {
			return r
		}
	}
	panic("BUG: no receiver of " + s.name)
}

func (r *receiver) believe(alert string) (belief, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.believes[alert]
	return b, ok
}

// excuse notes that an alert was over while it was silenced.
func (w *world) excuse(s *source) {
	b, _ := w.receiverOf(s).believe(s.name)
	if !b.firing || s.truth().fires() || !w.muted(s.name) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.excused[s.name] = true
}

// checkI1Now: with stable views the receiver is told what fires, within the
// bound for how the nodes are (I1, I10).
func (w *world) checkI1Now(s *source) {
	t := s.truth()
	b, _ := w.receiverOf(s).believe(s.name)
	if !t.firing || !t.on || b.firing || w.muted(s.name) {
		return
	}
	w.mu.Lock()
	stable, unwell := w.disturbed, w.unwell
	w.mu.Unlock()
	if unwell {
		return
	}
	for _, m := range w.members {
		since := s.toldSince(m)
		node, up := m.up()
		if since.IsZero() || !up || w.hinders(m) {
			continue
		}
		for _, c := range []time.Time{stable, t.changed} {
			if c.After(since) {
				since = c
			}
		}
		rule, bound := "I1", w.worstBound()
		if !node.Cluster().Quorum().Held {
			rule, bound = "I10", w.degradedBound()
		} else if w.well() > recovery+bound {
			bound = healthyBound
		} else if b, ok := w.withoutOne(t); ok {
			rule, bound = "I12", b
		}
		if time.Since(since) > bound {
			w.violate(rule, "%s fires (#%d), %s knows since %v, and %s was not told for %v", s.name, t.seq, m.name, since.Sub(w.zero), s.receiver(), bound)
			s.set(false) // said once
			return
		}
	}
}

// hinders reports whether a node has a trouble that excuses it from telling.
func (w *world) hinders(m *member) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.suffering[m][troubleReach] || w.suffering[m][troublePause] || w.suffering[m][troubleDown]
}

// checkI1End: after all faults are over the receivers believe what is true (I1).
func (w *world) checkI1End() {
	for _, s := range w.alerts {
		t := s.truth()
		b, known := w.receiverOf(s).believe(s.name)
		w.mu.Lock()
		excused := w.excused[s.name]
		w.mu.Unlock()
		switch {
		case t.fires() && !b.firing && !w.muted(s.name):
			w.violate("I1", "%s fires and %s was not told (it believes: %v, known %v)", s.name, s.receiver(), b, known)
		case !t.fires() && b.firing && !excused && !w.muted(s.name):
			w.violate("I1", "%s is over and %s was not told", s.name, s.receiver())
		}
	}
}

// checkI3: what a receiver is told a second time has a recorded cause (I3); with
// nothing wrong it is told nothing twice (I2). c.mu is held.
func (c *checker) checkI3(r *receiver, rec receipt) {
	for _, s := range rec.states {
		delete(c.excused, s.alert)
	}
	again := slices.ContainsFunc(r.got, func(g receipt) bool { return g.id == rec.id })
	if well := c.wellLocked(); (again || !rec.novel) && well > recovery {
		c.w.violate("I2", "%s is told again, though nothing has been wrong for %v: %s", r.name, well, rec)
	}
	if rec.novel || again || rec.degraded || c.lost {
		return
	}
	var since time.Time
	for _, s := range rec.states {
		if b := r.believes[s.alert]; b.at.After(since) {
			since = b.at
		}
	}
	for i := len(r.got) - 1; i >= 0 && !since.IsZero(); i-- {
		if g := r.got[i]; g.key.Group == rec.key.Group {
			if g.degraded {
				return
			}
			since = g.at
			break
		}
	}
	for _, e := range c.events[inWords(rec.key)] {
		if e.at.After(since.Add(-time.Second)) {
			return
		}
	}
	c.w.violate("I3", "%s told %s nothing new and no cause of it is recorded: %s", rec.from.name, r.name, rec)
}

// checkExcuse: a claim expires, and a try fails, only because something is wrong
// (I2). c.mu is held.
func (c *checker) checkExcuse(key model.DeliveryKey, what string) {
	if what == "merged" {
		return
	}
	if well := c.wellLocked(); well > recovery {
		c.w.violate("I2", "%s %s: %s, though nothing has been wrong for %v", key.Receiver, key.Group, what, well)
	}
}

// checkDegraded: nothing is sent without a quorum unless something is wrong
// (I2). c.mu is held.
func (c *checker) checkDegraded(rec receipt) {
	if well := c.wellLocked(); well > recovery {
		c.w.violate("I2", "%s sent without a quorum, though nothing has been wrong for %v: %s", rec.from.name, well, rec)
	}
}

// checkI4: a token is granted once, and a claim ends before the next begins
// (I4). c.mu is held.
func (c *checker) checkI4(was, is *model.Entry) {
	ended := func(t model.Token) {
		c.over[t] = true
	}
	for _, s := range is.Spent {
		ended(s.Token)
	}
	for _, l := range is.Lapsed {
		ended(l.Token)
	}
	if is.Claim != nil && c.over[is.Claim.Token] {
		c.w.violate("I4", "%s %s: token %s is granted again", is.Key.Receiver, is.Key.Group, is.Claim.Token)
	}
	if was.Claim != nil && (is.Claim == nil || is.Claim.Token != was.Claim.Token) && !c.over[was.Claim.Token] {
		c.w.violate("I4", "%s %s: the claim %s of %s is gone and nothing ended it", is.Key.Receiver, is.Key.Group, was.Claim.Token, was.Claim.Node)
	}
	if is.Must.Meets(is.Maybe) {
		c.w.violate("I8", "%s %s: must %v meets maybe %v", is.Key.Receiver, is.Key.Group, is.Must, is.Maybe)
	}
}

// checkI5: equal applied index, equal state (I5). c.mu is held.
func (c *checker) checkI5(m *member, v *fsm.View) {
	hash, known := c.hashes[v.Index()]
	if known && hash != v.StateHash() {
		c.w.violate("I5", "%s has state %x at index %d, others have %x", m.name, v.StateHash(), v.Index(), hash)
	}
	c.hashes[v.Index()] = v.StateHash()
}

func active(s *model.Silence) bool {
	now := model.Millis(time.Now().UnixMilli())
	return s.EndsAt > now+1000
}

// checkI7: a silence that was acknowledged before the grant is honoured, and
// without a quorum one that the node has known for a while (I7). c.mu is held.
func (c *checker) checkI7(rec receipt) {
	for _, t := range rec.states {
		if !t.firing {
			continue
		}
		for _, s := range c.silences {
			if s.alert != t.alert || s.ending {
				continue
			}
			if rec.claim != nil && rec.claim.GrantedIndex > s.index {
				c.w.violate("I7", "%s is told as firing by a claim of index %d, and was silenced at index %d: %s", t.alert, rec.claim.GrantedIndex, s.index, rec)
			}
		}
	}
}

// violateOnce says a thing that goes on being so only once.
func (w *world) violateOnce(rule, format string, args ...any) {
	w.vmu.Lock()
	said := slices.ContainsFunc(w.violations, func(v violation) bool { return v.Rule == rule })
	w.vmu.Unlock()
	if !said {
		w.violate(rule, format, args...)
	}
}

// checkI9: of the requests about a key that are with the receiver, no two come
// from different claims (I9). r.mu is held.
func (w *world) checkI9(r *receiver, x *request) {
	for o := range r.open {
		if o.key.Group == x.key.Group && !o.token.IsZero() && !x.token.IsZero() && o.token != x.token && !w.suffers(o.from) {
			w.violate("I9", "%s sends %s to %s while %s of %s is under way since %v", x.from.name, x.id, r.name, o.id, o.from.name, o.began.Sub(w.zero))
		}
	}
}

// checkI13: no message is made by a configuration older than the one that the
// cluster had when it granted the claim (I13). c.mu is held.
func (c *checker) checkI13(rec receipt) {
	if rec.claim == nil {
		return
	}
	number := 0
	for _, r := range c.configs {
		if r.index < rec.claim.GrantedIndex {
			number = r.number
		}
	}
	at := func(r configRecord) int { return r.number }
	if i := slices.IndexFunc(c.configs, func(r configRecord) bool { return r.number == rec.version }); i < slices.IndexFunc(c.configs, func(r configRecord) bool { return at(r) == number }) {
		c.w.violate("I13", "a message of configuration %d was sent under a claim that was granted at configuration %d: %s", rec.version, number, rec)
	}
}

// checkHold: a node that may be cut off from a majority holds its tongue for the
// first peer timeout of the cut (I10). c.mu is held.
func (c *checker) checkHold(rec receipt) {
	if since := time.Since(c.began); c.wellLocked() == 0 && c.wellBefore > peerTimeout+election && since < peerTimeout-500*time.Millisecond {
		c.w.violate("I10", "%s sent without a quorum %v after the trouble began: %s", rec.from.name, since, rec)
	}
}

// checkIsland: without a quorum those who see each other tell once (I10): nobody
// tells what another has told whom he has seen all the time. c.mu is held.
func (c *checker) checkIsland(r *receiver, rec receipt) {
	if rec.novel {
		return
	}
	for i := len(r.got) - 1; i >= 0; i-- {
		g := r.got[i]
		if g.key.Group != rec.key.Group {
			continue
		}
		if g.degraded && g.from != rec.from && g.id == rec.id && c.togetherLocked(g.from, rec.from) > recovery {
			c.w.violate("I10", "%s told without a quorum what %s had told %v before, whom it sees: %s", rec.from.name, g.from.name, time.Since(g.at), rec)
		}
		return
	}
}

// checkLonely: a node that has seen no other for long calls no alert over that
// merely has not been heard of there (I17). c.mu is held.
func (c *checker) checkLonely(rec receipt) {
	since, cut := c.cutOffAt[rec.from]
	if !cut || time.Since(since) < lonelyAfter {
		return
	}
	for _, s := range rec.states {
		for _, x := range c.w.alerts {
			t := x.truth()
			if x.name == s.alert && !s.firing && t.firing && t.seq == s.seq && time.Since(t.changed) > validFor {
				c.w.violate("I17", "%s, which has seen no other for %v, calls %s over because it does not hear of it: %s", rec.from.name, time.Since(since), s.alert, rec)
			}
		}
	}
}

// withoutOne is how long a telling may take while one node is dead, and nothing
// else is wrong or has been for long (I12): less if the alert changed when the
// others had had the time to notice.
func (w *world) withoutOne(t truth) (time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.unwell || w.wellBefore < recovery || time.Since(w.began) < election || time.Since(w.ended) < time.Since(w.began) {
		return 0, false
	}
	down := 0
	for _, troubles := range w.suffering {
		for what := range troubles {
			if what != troubleDown {
				return 0, false
			}
			down++
		}
	}
	if down != 1 {
		return 0, false
	}
	if t.changed.Sub(w.began) > election {
		return healthyBound + 1500*time.Millisecond, true
	}
	return healthyBound + 12*time.Second, true
}

// checkI14: a write that was acknowledged is there at once on that node (I14).
func (c *checker) checkI14(m *member, v *fsm.View, id string) {
	if _, ok := v.Silence(id); !ok {
		c.w.violate("I14", "%s acknowledged the silence %s and does not have it", m.name, id)
	}
}

// checkI14End: what was acknowledged has survived the loss of a minority (I14).
func (w *world) checkI14End(v *fsm.View) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, s := range w.silences {
		if _, ok := v.Silence(id); !ok {
			w.violate("I14", "the silence %s of %s was acknowledged and is gone", id, s.alert)
		}
	}
}

// checkOrder: no message calls an alert over while a source says to its sender
// that it fires, and none is about an older state than the one before although
// its sender knows better (I17). r.mu is held.
func (w *world) checkOrder(r *receiver, rec receipt, s told, b belief) {
	var src *source
	for _, x := range w.alerts {
		if x.name == s.alert {
			src = x
		}
	}
	if src == nil || rec.from == nil {
		return
	}
	t := src.truth()
	w.checkHeard(rec, s, src, t)
	since := src.toldSince(rec.from)
	if since.IsZero() {
		return
	}
	took := r.mode.before + slack
	if w.wasOutOfReach(rec.from) {
		took += connectTime
	}
	if !s.firing && t.firing && t.on && time.Since(t.changed) > took && time.Since(since) > took+validFor {
		w.violate("I17", "%s calls %s over, and its source has told it since %v that it fires: %s", rec.from.name, s.alert, since.Sub(w.zero), rec)
	}
	if s.seq < b.seq && time.Since(b.at) > took && time.Since(since) > time.Since(b.at)+took {
		w.violate("I17", "%s tells %s #%d after #%d: %s", rec.from.name, s.alert, s.seq, b.seq, rec)
	}
}

// wasOutOfReach reports whether a member has a trouble of its own, or had until a
// moment ago: what it sends may have waited for the network.
func (w *world) wasOutOfReach(m *member) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ailsLocked(m) || time.Since(w.ailed[m]) < time.Second
}

// checkHeard: no message calls an alert over while its source says that it fires
// to a node that the sender is in touch with (I17).
func (w *world) checkHeard(rec receipt, s told, src *source, t truth) {
	if s.firing || !t.firing || !t.on || time.Since(t.changed) < validFor+slack {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.members {
		since := src.toldSince(m)
		if m == rec.from || since.IsZero() || time.Since(since) < validFor+slack || w.togetherLocked(m, rec.from) < recovery {
			continue
		}
		w.violate("I17", "%s calls %s over, and is in touch with %s, which its source has told since %v that it fires: %s", rec.from.name, s.alert, m.name, since.Sub(w.zero), rec)
		return
	}
}

// wellTold reports whether the receivers believe what is true.
func (w *world) wellTold() bool {
	for _, s := range w.alerts {
		t := s.truth()
		b, _ := w.receiverOf(s).believe(s.name)
		if t.fires() != b.firing && !w.muted(s.name) {
			return false
		}
	}
	return true
}

// finish are the checks of the end.
func (w *world) finish() {
	w.checkI1End()
	if !w.await(10*time.Second, func() bool { return w.unsettled() == "" }) {
		w.violate("I18", "long after all faults are over: %s", w.unsettled())
	}
	w.checkI8()
	if node, _ := w.members[0].process(); node != nil {
		w.checkI14End(node.Machine().View())
	}
}

// unsettled is what is left over of faults, or where nodes differ (I5, I18).
func (w *world) unsettled() string {
	var first *app.Node
	leaders := 0
	for _, m := range w.members {
		node, _ := m.process()
		if node == nil {
			return m.name + " does not run"
		}
		if first == nil {
			first = node
		}
		status, v, f := node.Cluster().Status(), node.Machine().View(), first.Machine().View()
		if status.State == "leader" {
			leaders++
		}
		switch {
		case !status.Quorum.Held:
			return m.name + " has no quorum"
		case v.ClaimCount() > 0:
			return m.name + " has live claims"
		case status.OverlaysPending > 0:
			return m.name + " has overlays that wait"
		case v.Index() != f.Index() || v.StateHash() != f.StateHash():
			return m.name + " has another state than n1"
		}
	}
	if leaders != 1 {
		return "not one node leads"
	}
	return ""
}
