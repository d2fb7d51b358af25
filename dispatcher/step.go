package dispatcher

import (
	"time"

	"tocsin/fsm/model"
)

// step is what a delivery does next.
type step struct {
	does does
	// until is how long to wait at most.
	until time.Time
	// reason, firing and resolved are the message. Without a reason nothing is
	// sent, but the ledger is told that alerts went away unsaid.
	reason           model.Reason
	firing, resolved model.AlertSet
	// entry is the ledger's, base the same with the overlays over it.
	entry, base model.Entry
	// overlays are all of the key.
	overlays []model.Overlay
	// marks name those of them that the cluster knows of.
	marks []model.OverlayMark
	// probes: the claim is to find out whether claims are answered again.
	probes bool
	// patience is how long the claim may stay unanswered.
	patience time.Duration
	// unsure: what is over by time alone may not be.
	unsure bool
	// token is what to give back.
	token model.Token
}

type does uint8

const (
	// stepQuiet: there is nothing to tell.
	stepQuiet does = iota
	// stepWait: not now.
	stepWait
	// stepClaim: ask for the right to send.
	stepClaim
	// stepAlone: send without a quorum.
	stepAlone
	// stepGiveBack: release a claim that was granted after nobody waited for
	// it any more.
	stepGiveBack
)

// near is how long a delivery waits in a goroutine; for longer it is parked.
// Those who wait for another node's claim are never parked, because they watch
// its key.
const near = 2 * time.Second

func (s step) far() bool { return time.Until(s.until) > near }

// The pace of taking turns and of looking again.
const (
	// stagger is the lead of each rank over the next.
	stagger = 500 * time.Millisecond
	// lookAgain is how often a wait is interrupted to see whether the quorum
	// has come or gone.
	lookAgain = time.Second
	// mergeWait is how long to wait, once there is a quorum, for overlays to
	// be merged before claiming without.
	mergeWait = 5 * time.Second
)

// next decides by what this node knows now. It does not wait.
func (d *delivery) next(v *view) step {
	core := d.group.epoch.core
	now := time.Now()
	s := step{}
	if e, ok := core.opts.Ledger.Entry(d.key); ok {
		s.entry = *e
	}
	known := core.restart.told(s.entry)
	m := core.mode()
	s.overlays = core.opts.Overlay.Overlays(d.key)
	s.marks = marksOf(s.overlays)
	if m.degraded {
		s.overlays = d.pace.remembered(s.overlays)
	}
	unknown := d.pace.unknown(s.overlays)
	s.base = overlaid(known, unknown)
	if !m.degraded {
		s.base = overlaid(s.base, d.pace.own(s.entry.Gen))
	}
	if c := known.Claim; c != nil {
		// Somebody is about to send, and may fail or not be heard of again.
		// What that would leave untold must not be let go before.
		b := beliefOf(&s.base).doubted(c.Firing, c.Resolved)
		s.base.Must, s.base.Maybe, s.base.Resolved = b.must, b.maybe, b.resolved
	}
	s.unsure = core.hearing.unsure(m, now)
	if c := s.entry.Claim; c != nil && d.stray(c, m, now) {
		return step{does: stepGiveBack, token: c.Token}
	}
	if !d.message(v, &s) || d.pace.repeatTooEarly(s, now) {
		s.does = stepQuiet
		return s
	}
	d.pace.note(v, s.entry, now)
	if w, waiting := d.claimed(s.entry, m, now); waiting {
		return w
	}
	if d.pace.refused && !m.degraded {
		m = mode{degraded: true, from: now}
	}
	m = d.pace.waits(m, now)
	s.patience = d.pace.patience(m)
	if until := d.pace.notBefore(s, d.group.route.GroupInterval, core.opts.Now()); until.After(now) {
		return step{does: stepWait, until: until}
	}
	return d.inTurn(s, m, len(unknown) > 0, now)
}

// inTurn lets the step be taken when it is this node's turn.
func (d *delivery) inTurn(s step, m mode, unmerged bool, now time.Time) step {
	if !m.degraded {
		if until := d.turn(unmerged, now); until.After(now) {
			return step{does: stepWait, until: until}
		}
		s.does = stepClaim
		return s
	}
	d.pace.unmerged = time.Time{}
	if d.group.epoch.core.cut.mayProbe(now) {
		s.does, s.probes = stepClaim, true
		return s
	}
	if until := d.turnAlone(m); until.After(now) {
		return step{does: stepWait, until: earlier(until, now.Add(lookAgain))}
	}
	s.does = stepAlone
	return s
}

// message fills in what there is to tell; false if there is nothing.
func (d *delivery) message(v *view, s *step) bool {
	sit := v.situation(d.to.SendResolved(), s.unsure, &s.base)
	s.reason = NeedsUpdate(&s.base, sit)
	if s.reason != model.ReasonNone {
		s.firing, s.resolved = sit.Firing, sit.Resolved
		return true
	}
	// An alert that resolved while it was muted is let go without a word, as
	// in Alertmanager. That it may fire again as something new, the ledger
	// must stop to say that the receiver certainly knows of it.
	unsaid := s.base.Must.Intersect(v.lapsed)
	s.firing = s.base.Must.Minus(unsaid)
	return len(unsaid) > 0
}

// stray reports whether a claim was granted to this node when nobody waited for
// it any more, and may be given back now.
func (d *delivery) stray(c *model.Claim, m mode, now time.Time) bool {
	core := d.group.epoch.core
	return c.Node == core.opts.Node && core.tokens.stray(c.Token) && (!m.degraded || core.cut.mayProbe(now))
}

// claimed says how long to wait for a claim that lives.
func (d *delivery) claimed(e model.Entry, m mode, now time.Time) (step, bool) {
	if e.Claim == nil {
		return step{}, false
	}
	until := d.pace.claimSeen(e.Claim.Token, now)
	if !m.degraded {
		// Its end will be a change of the key.
		return step{does: stepWait, until: now.Add(near)}, true
	}
	if d.group.epoch.core.tokens.unused(e.Claim.Token) {
		return step{}, false
	}
	// Without a quorum nobody can renew it or say that it is over.
	if until = until.Add(leaseTerm); !until.After(now) {
		return step{}, false
	}
	return step{does: stepWait, until: earlier(until, now.Add(lookAgain))}, true
}

// turn is when this node may claim: ranks take turns, and after each failure
// the next rank is the first.
func (d *delivery) turn(unmerged bool, now time.Time) time.Time {
	rank, of := d.group.epoch.core.opts.Peers.Rank(d.key)
	if of > 0 {
		rank = ((rank-int(d.pace.attempt%uint32(of)))%of + of) % of
	}
	at := d.pace.since.Add(time.Duration(rank) * stagger)
	if !unmerged {
		d.pace.unmerged = time.Time{}
	} else {
		if d.pace.unmerged.IsZero() {
			d.pace.unmerged = now
		}
		at = later(at, d.pace.unmerged.Add(mergeWait))
	}
	return at
}

// turnAlone is when this node may send without a quorum.
func (d *delivery) turnAlone(m mode) time.Time {
	core := d.group.epoch.core
	rank, _ := core.opts.Peers.Rank(d.key)
	return later(m.from, later(d.pace.due, m.from).Add(time.Duration(rank)*core.opts.PeerTimeout))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
