package sim_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/fsm/model"
)

// reports are what the receivers have been told, as they note it: each alert has
// one receiver.
type reports struct {
	mu sync.Mutex
	of map[string]belief // guarded by mu
}

func (r *reports) set(alert string, b belief) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = make(map[string]belief)
	}
	r.of[alert] = b
}

func (r *reports) now() map[string]belief {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.of)
}

// ledgerStep is a state of an entry, and what had been told when it came.
type ledgerStep struct {
	entry *model.Entry
	told  map[string]belief
}

// fall is the moment at which all nodes were killed.
type fall struct {
	at time.Time
	// settled are the keys of which all that was told was in the ledger.
	settled map[string]bool
}

// overlaysWait reports whether a node has, or may have on its disk, messages that
// were sent without a quorum and are not in the ledger.
func (w *world) overlaysWait() bool {
	for _, m := range w.members {
		// A process that is down left no overlays if it had none at its end.
		if node, _ := m.process(); node != nil && node.Cluster().Status().OverlaysPending > 0 || node == nil && w.left(m) {
			return true
		}
	}
	return false
}

// underClaim reports whether a message was taken while the claim of its sender
// was alive; or it was sent without a quorum, and an overlay tells of it. c.mu is
// held.
func (c *checker) underClaim(rec receipt) bool {
	if rec.degraded {
		return true
	}
	if rec.claim == nil || c.latest == nil {
		return false
	}
	e, ok := c.latest.Entry(rec.key)
	return ok && e.Claim != nil && e.Claim.Token == rec.claim.Token
}

// checkI8Steps: must ⊆ told ⊆ must ∪ maybe at every step of the ledger (I8), with
// what a claim is about being in doubt while it lives.
func (w *world) checkI8Steps() {
	waits := w.overlaysWait()
	w.mu.Lock()
	steps, v, lost := w.moves, w.latest, w.lost
	stray := maps.Clone(w.stray)
	w.moves = nil
	w.mu.Unlock()
	if waits || lost {
		return
	}
	for _, x := range steps {
		// An entry with messages still to be merged says nothing yet.
		is, ok := v.Entry(x.entry.Key)
		if !ok || !slices.Equal(is.Merged, x.entry.Merged) || stray[inWords(x.entry.Key)] {
			continue
		}
		for _, s := range w.alerts {
			if w.isOf(s, x.entry.Key) {
				w.compareStep(s, x)
			}
		}
	}
}

// isOf reports whether a key is that of an alert's group.
func (w *world) isOf(s *source, k model.DeliveryKey) bool {
	return k.Receiver == s.receiver() && strings.Contains(k.Group, `g="`+groupOf[s.name]+`"`)
}

func (w *world) compareStep(s *source, x ledgerStep) {
	e := x.entry
	b, known := x.told[s.name]
	must, maybe, resolved := e.Must.Has(s.hash), e.Maybe.Has(s.hash), e.Resolved.Has(s.hash)
	if e.Claim != nil {
		fires, ends := e.Claim.Firing.Has(s.hash), e.Claim.Resolved.Has(s.hash)
		must, maybe, resolved = must && !ends, maybe || fires, resolved && !fires
	}
	switch {
	case must && !b.firing:
		w.violateOnce("I8", "at rev %d the ledger says that it must have been told that %s fires, and it was not (%+v, known: %v)", e.Rev, s.name, b, known)
	case b.firing && !must && !maybe && !e.Must.Has(s.hash):
		w.violateOnce("I8", "at rev %d the ledger does not know that it was told that %s fires", e.Rev, s.name)
	case resolved && (b.firing || !known):
		w.violateOnce("I8", "at rev %d the ledger says that it was told that %s is over, and it was not", e.Rev, s.name)
	}
}

// checkI8: what the receiver believes lies between must and must ∪ maybe (I8).
// It can be seen while nothing is under way.
func (w *world) checkI8() {
	if w.overlaysWait() {
		return
	}
	w.mu.Lock()
	v, lost := w.latest, w.lost
	w.mu.Unlock()
	if lost {
		return
	}
	for _, s := range w.alerts {
		for e := range v.Entries() {
			if e.Key.Receiver == s.receiver() && strings.Contains(e.Key.Group, `g="`+groupOf[s.name]+`"`) && e.Claim == nil {
				w.compareI8(s, e)
			}
		}
	}
}

func (w *world) compareI8(s *source, e *model.Entry) {
	r := w.receiverOf(s)
	r.mu.Lock()
	b, known := r.believes[s.name]
	busy := len(r.open) > 0
	r.mu.Unlock()
	if busy {
		return
	}
	must, maybe, resolved := e.Must.Has(s.hash), e.Maybe.Has(s.hash), e.Resolved.Has(s.hash)
	switch {
	case must && !b.firing:
		w.violateOnce("I8", "the ledger says that %s must have been told that %s fires, and it was not", r.name, s.name)
	case b.firing && !must && !maybe:
		w.violateOnce("I8", "%s was told that %s fires, and the ledger does not know", r.name, s.name)
	case resolved && (b.firing || !known):
		w.violateOnce("I8", "the ledger says that %s was told that %s is over, and it was not", r.name, s.name)
	}
}

// falls notes what is settled when all nodes are killed.
func (w *world) falls() {
	waits := w.overlaysWait()
	busy := false
	for _, r := range w.receivers {
		r.mu.Lock()
		busy = busy || len(r.open) > 0
		r.mu.Unlock()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fall = &fall{at: time.Now(), settled: make(map[string]bool)}
	if waits || busy || w.lost || w.latest == nil {
		return
	}
	for e := range w.latest.Entries() {
		w.fall.settled[inWords(e.Key)] = e.Claim == nil && len(e.Maybe) == 0 && !w.stray[inWords(e.Key)]
	}
}

// checkI11: what was settled when all nodes were killed is not told again (I11).
// c.mu is held.
func (c *checker) checkI11(r *receiver, rec receipt) {
	if c.fall == nil || rec.novel || !c.fall.settled[inWords(rec.key)] {
		return
	}
	for _, g := range r.got {
		if g.key.Group == rec.key.Group && g.at.After(c.fall.at) {
			return
		}
	}
	for _, e := range c.events[inWords(rec.key)] {
		if !e.at.Before(c.fall.at) {
			return
		}
	}
	if rec.degraded {
		return
	}
	c.w.violate("I11", "%s is told again after all nodes were killed what was settled before: %s", r.name, rec)
}
