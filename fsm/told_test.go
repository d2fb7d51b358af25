package fsm_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/fsm"
	"tocsin/fsm/model"
)

// I8: three nodes with views of their own claim, send, settle late or never,
// crash, are cut off, page on their own, hear of each other or not, and heal. A
// receiver that remembers what it was told stands at the other end. At every
// step the ledger, with what is on its way into it, must be right about the
// receiver: must ⊆ told ⊆ must ∪ maybe, and resolved really is.
//
// What is assumed is what fencing and the outbox give: nobody sends under a
// claim that is over, and an overlay is not merged while its send is under way.
func TestSandwich(t *testing.T) {
	// Ten times the usual number of schedules: what breaks here is rare.
	for range 10 {
		sandwich(t)
	}
}

func sandwich(t *testing.T) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{entry: model.Entry{Key: theKey}, told: map[model.AlertHash]bool{}}
		for _, id := range []model.NodeID{"n1", "n2", "n3"} {
			w.nodes = append(w.nodes, &simNode{id: id, seen: w.entry, epoch: 1, heard: map[model.NodeID]model.Overlay{}})
		}
		rt.Repeat(rapid.StateMachineActions(w))
	})
}

type world struct {
	entry model.Entry
	floor uint64
	// told is what the receiver's last message about an alert said: that it is
	// firing (true) or resolved (false).
	told  map[model.AlertHash]bool
	nodes []*simNode
	count int
}

type simNode struct {
	id   model.NodeID
	cut  bool
	seen model.Entry // the ledger as this node last saw it

	hold *simHold
	// alone is the message that is being sent without a quorum.
	alone *simMessage
	// overlay is on this node's disk.
	overlay    *model.Overlay
	epoch, seq uint64
	heard      map[model.NodeID]model.Overlay
}

type simMessage struct {
	firing, resolved model.AlertSet
	// before is the node's line when it began.
	before model.Entry
}

// simHold is a claim that the node was granted.
type simHold struct {
	token            model.Token
	firing, resolved model.AlertSet
	sent, failed     bool
	kept             uint64 // the node's overlays when it was sent
}

func (w *world) node(t *rapid.T, ok func(*simNode) bool) *simNode {
	var fit []*simNode
	for _, n := range w.nodes {
		if ok(n) {
			fit = append(fit, n)
		}
	}
	if len(fit) == 0 {
		t.Skip("no node can")
	}
	return fit[rapid.IntRange(0, len(fit)-1).Draw(t, "which")]
}

func drawMessage(t *rapid.T) (firing, resolved model.AlertSet) {
	firing = someAlerts.Draw(t, "firing")
	return firing, someAlerts.Draw(t, "resolved").Minus(firing)
}

func part(t *rapid.T, s model.AlertSet, name string) model.AlertSet {
	if rapid.Bool().Draw(t, "all "+name) {
		return s
	}
	return s.Intersect(someAlerts.Draw(t, name))
}

func (w *world) arrives(firing, resolved model.AlertSet) {
	for _, h := range firing {
		w.told[h] = true
	}
	for _, h := range resolved {
		w.told[h] = false
	}
}

func (w *world) Cut(t *rapid.T)  { w.node(t, func(n *simNode) bool { return !n.cut }).cut = true }
func (w *world) Heal(t *rapid.T) { w.node(t, func(n *simNode) bool { return n.cut }).cut = false }

func (w *world) Sync(t *rapid.T) {
	w.node(t, func(n *simNode) bool { return !n.cut }).seen = w.entry
}

func (w *world) Claim(t *rapid.T) {
	n := w.node(t, func(n *simNode) bool { return !n.cut && n.hold == nil })
	if rapid.IntRange(0, 3).Draw(t, "fresh") > 0 {
		n.seen = w.entry
	}
	firing, resolved := drawMessage(t)
	w.count++
	q := model.ClaimRequest{
		Key: theKey, Token: token(fmt.Sprint("t", w.count)), Node: n.id, BaseRev: n.seen.Rev, Firing: firing, Resolved: resolved,
	}
	after, grant := fsm.Grant(w.entry, q, fsm.Terms{Index: uint64(w.count), Member: true, Floor: w.floor, Version: 2})
	if grant.Denied == model.DeniedNot {
		w.entry, n.seen = after, after
		n.hold = &simHold{token: q.Token, firing: firing, resolved: resolved}
	}
}

// Send sends under a claim that is live: the lease says so, even cut off.
func (w *world) Send(t *rapid.T) {
	n := w.node(t, func(n *simNode) bool {
		return n.hold != nil && !n.hold.sent && n.alone == nil && w.entry.Claim != nil && w.entry.Claim.Token == n.hold.token
	})
	firing, resolved := part(t, n.hold.firing, "firing"), part(t, n.hold.resolved, "resolved")
	switch rapid.SampledFrom([]string{"taken", "taken", "lost", "no answer"}).Draw(t, "outcome") {
	case "taken":
		w.arrives(firing, resolved)
	case "no answer":
		w.arrives(firing, resolved)
		n.hold.failed = true
	case "lost":
		n.hold.failed = true
	}
	n.hold.sent, n.hold.kept = true, n.epoch<<32+n.seq
	n.hold.firing, n.hold.resolved = firing, resolved
}

// Report tells the ledger how it went, as late as it likes, once or twice.
func (w *world) Report(t *rapid.T) {
	n := w.node(t, func(n *simNode) bool { return !n.cut && n.hold != nil })
	switch {
	case n.hold.sent && !n.hold.failed:
		w.entry, _ = fsm.Settle(w.entry, model.Settlement{
			Token: n.hold.token, Node: n.id, Firing: n.hold.firing, Resolved: n.hold.resolved,
			Delivery: model.Delivery{Outcome: model.OutcomeSent, InLease: rapid.Bool().Draw(t, "in time")},
		}, model.Millis(w.count))
	default:
		w.entry, _ = fsm.Release(w.entry, model.Release{Token: n.hold.token, Node: n.id, Failed: n.hold.failed})
	}
	if rapid.IntRange(0, 3).Draw(t, "answer lost") > 0 {
		n.hold = nil
	}
}

// KeepTold: the settlement was not answered, so the node keeps it as an overlay
// too, before it sends anything else. It goes on reporting.
func (w *world) KeepTold(t *rapid.T) {
	n := w.node(t, func(n *simNode) bool {
		return n.hold != nil && n.hold.sent && !n.hold.failed && n.hold.kept == n.epoch<<32+n.seq &&
			n.seen.Claim != nil && n.seen.Claim.Token == n.hold.token
	})
	// Nothing but the settlement is in it if the node knows of no overlay.
	alone := n.overlay == nil && len(n.heard) == 0
	n.keep(withMessage(w.line(t, n), n.hold.firing, n.hold.resolved), n.seen.Rev)
	n.overlay.Delivery = model.Delivery{Token: n.hold.token, Outcome: model.OutcomeSent, InLease: alone && rapid.Bool().Draw(t, "in time")}
}

// withMessage is a line with one more message that arrived.
func withMessage(line model.Entry, firing, resolved model.AlertSet) model.Entry {
	line.Claim = &model.Claim{Token: token("alone"), Rev: line.Rev}
	line, _ = fsm.Settle(line, model.Settlement{Token: token("alone"), Firing: firing, Resolved: resolved}, 0)
	return line
}

func (w *world) Expire(t *rapid.T) {
	if w.entry.Claim == nil {
		t.Skip("no claim")
	}
	w.entry, _ = fsm.Expire(w.entry, model.Expiry{Token: w.entry.Claim.Token})
}

// Crash forgets all but what is on disk. The outbox may or may not know of a
// message that was sent.
func (w *world) Crash(t *rapid.T) {
	n := w.node(t, func(*simNode) bool { return true })
	if n.hold != nil && !(n.hold.sent && rapid.Bool().Draw(t, "in the outbox")) {
		n.hold = nil
	}
	n.alone = nil
	n.epoch, n.seq = n.epoch+1, 0
	clear(n.heard)
}

// line is what a node believes: the ledger as it last saw it, joined with its
// own overlay and perhaps with those it heard of. It cannot tell who of them
// knew of whom, so none stands for another.
func (w *world) line(t *rapid.T, n *simNode) model.Entry {
	const now = 1 << 40
	line := n.seen
	line.Rev, line.Claim, line.Strands, line.Merged = now, nil, nil, nil
	add := func(o model.Overlay) {
		if o.BaseRev == n.seen.Rev {
			o.BaseRev = now
		} else {
			o.BaseRev = 0
		}
		line, _ = fsm.Merge(line, o, 0)
	}
	if n.overlay != nil {
		add(*n.overlay)
	}
	for _, o := range w.nodes {
		if h, ok := n.heard[o.id]; ok && o != n && rapid.Bool().Draw(t, "believe "+string(o.id)) {
			add(h)
		}
	}
	return line
}

// AloneBegin writes down what is about to be sent without a quorum, in doubt.
func (w *world) AloneBegin(t *rapid.T) {
	n := w.node(t, func(n *simNode) bool { return n.cut && n.alone == nil })
	firing, resolved := drawMessage(t)
	n.alone = &simMessage{firing, resolved, w.line(t, n)}
	base := n.seen.Rev
	if n.overlay != nil && rapid.Bool().Draw(t, "old base") {
		base = n.overlay.BaseRev
	}
	doubt := n.alone.before
	doubt.Claim = &model.Claim{Token: token("alone"), Firing: firing, Resolved: resolved}
	doubt, _ = fsm.Expire(doubt, model.Expiry{Token: token("alone")})
	n.keep(doubt, base)
}

func (n *simNode) keep(e model.Entry, base uint64) {
	n.seq++
	n.overlay = &model.Overlay{
		Key: theKey, Origin: n.id, Epoch: n.epoch, Seq: n.seq, BaseRev: base,
		Must: e.Must, Maybe: e.Maybe, Resolved: e.Resolved,
	}
}

// AloneArrives is the message at the receiver; the node may learn of it.
func (w *world) AloneArrives(t *rapid.T) {
	n := w.node(t, func(n *simNode) bool { return n.alone != nil })
	w.arrives(n.alone.firing, n.alone.resolved)
	if rapid.IntRange(0, 3).Draw(t, "answered") > 0 {
		n.keep(withMessage(n.alone.before, n.alone.firing, n.alone.resolved), n.overlay.BaseRev)
	}
	n.alone = nil
}

// AloneFails is a message that was lost; the overlay stays in doubt.
func (w *world) AloneFails(t *rapid.T) {
	w.node(t, func(n *simNode) bool { return n.alone != nil }).alone = nil
}

// Gossip tells a node of another's overlay: only of what is over.
func (w *world) Gossip(t *rapid.T) {
	from := w.node(t, func(n *simNode) bool { return n.overlay != nil && n.alone == nil })
	to := w.node(t, func(n *simNode) bool { return n != from })
	to.heard[from.id] = *from.overlay
}

// Merge brings a node's own overlay in; its answer may get lost.
func (w *world) Merge(t *rapid.T) {
	n := w.node(t, func(n *simNode) bool { return !n.cut && n.overlay != nil && n.alone == nil })
	w.entry, _ = fsm.Merge(w.entry, *n.overlay, w.floor)
	if rapid.IntRange(0, 3).Draw(t, "answer lost") > 0 {
		n.overlay, n.seen = nil, w.entry
	}
}

// MergeHeard brings in what a node heard of, which may be old by now.
func (w *world) MergeHeard(t *rapid.T) {
	n := w.node(t, func(n *simNode) bool { return !n.cut && len(n.heard) > 0 })
	for _, o := range w.nodes {
		if h, ok := n.heard[o.id]; ok {
			w.entry, _ = fsm.Merge(w.entry, h, w.floor)
		}
	}
}

// Collect drops the entry, long after everybody has healed.
func (w *world) Collect(t *rapid.T) {
	e := &w.entry
	if e.Rev == 0 || e.Claim != nil || len(e.Must)+len(e.Maybe) > 0 || slices.ContainsFunc(w.nodes, func(n *simNode) bool {
		return n.overlay != nil || n.hold != nil || n.cut || len(n.heard) > 0
	}) {
		t.Skip("not yet")
	}
	w.floor = max(w.floor, e.Rev)
	w.entry = model.Entry{Key: theKey}
	for _, n := range w.nodes {
		n.seen = w.entry
	}
}

// Check asks the ledger that there will be when all that is under way is in it:
// a live claim ends in doubt, and the overlays come in any order.
func (w *world) Check(t *rapid.T) {
	e := w.entry
	if e.Claim != nil {
		e, _ = fsm.Expire(e, model.Expiry{Token: e.Claim.Token})
	}
	var pending []model.Overlay
	for _, n := range w.nodes {
		if n.overlay != nil {
			pending = append(pending, *n.overlay)
		}
	}
	if len(pending) > 1 && rapid.Bool().Draw(t, "the other way round") {
		slices.Reverse(pending)
	}
	for _, o := range pending {
		e, _ = fsm.Merge(e, o, w.floor)
	}
	if e.Must.Meets(e.Maybe) {
		t.Fatalf("must %v meets maybe %v", e.Must, e.Maybe)
	}
	for h := model.AlertHash('a'); h <= 'e'; h++ {
		firing, mentioned := w.told[h]
		switch {
		case e.Must.Has(h) && !firing:
			t.Fatalf("%c must have been told as firing, and was not: %+v", rune(h), e)
		case firing && !e.Must.Has(h) && !e.Maybe.Has(h):
			t.Fatalf("%c was told as firing, and the ledger does not know: %+v", rune(h), e)
		case e.Resolved.Has(h) && (firing || !mentioned):
			t.Fatalf("%c is said to be told as resolved, and was not: %+v", rune(h), e)
		}
	}
	w.next(t, e)
}

// next is I1 in small: whatever is true when the views are stable, a node that
// asks the ledger sends, unless the receiver knows already.
func (w *world) next(t *rapid.T, e model.Entry) {
	truth := someAlerts.Draw(t, "truth")
	var over model.AlertSet
	for h := model.AlertHash('a'); h <= 'e'; h++ {
		if _, mentioned := w.told[h]; mentioned && !truth.Has(h) {
			over = append(over, h)
		}
	}
	due := !truth.SubsetOf(e.Must) || over.Meets(e.Maybe) || len(truth) == 0 && len(e.Must) > 0 || !over.SubsetOf(e.Resolved)
	for h := model.AlertHash('a'); h <= 'e' && !due; h++ {
		if w.told[h] != truth.Has(h) {
			t.Fatalf("nobody would say that %c is firing: %v: %+v", rune(h), truth.Has(h), e)
		}
	}
}
