package dispatcher

import (
	"slices"
	"time"

	"tocsin/fsm/model"
)

// pace is what a delivery remembers of how it went, to know when it may go on.
// All moments are of the monotonic clock: what other nodes' clocks say is only
// believed within bounds, so a clock that is an hour off delays nothing by more
// than a group interval (I16).
type pace struct {
	// due is the tick since which there is something to tell, since when turns
	// are counted from.
	due, since time.Time
	// attempt is the ledger's count of failures, as last seen.
	attempt uint32
	// rev is the ledger's revision that the following were seen at.
	rev     uint64
	revSeen time.Time
	// barred is until when the ledger would deny a claim for the reason.
	barred time.Time
	reason model.Reason
	// token is a claim that was seen, at the moment seen.
	token model.Token
	seen  time.Time
	// unmerged is since when there has been a quorum, but overlays too.
	unmerged time.Time
	// failed counts failures without a quorum, retry is when the next try may
	// be; ahead counts the messages that were sent since the ledger's
	// generation gen without it.
	failed int
	retry  time.Time
	gen    uint64
	ahead  uint64
	// refused: there will be no claim for what is due. stale is since when the
	// reason is that this node has not the cluster's configuration.
	refused bool
	stale   time.Time
	// without is since when what is due has waited for a quorum, by a look at
	// it; zero while it does not.
	without time.Time
	// paused is until when nothing is proposed, after an answer that a moment
	// later may be another.
	paused time.Time
	// sent is when this node last sent.
	sent time.Time
	// kept is this node's last overlay of the key, knew are the overlays of
	// others that it was built on.
	kept *model.Overlay
	knew []model.OverlayMark
	// unsaid: kept is of a message that could not be sent, and only here.
	unsaid bool
	// absorbed are the overlays that this node had seen when it last settled a
	// message.
	absorbed []model.OverlayMark
}

// note takes in what the ledger says now.
func (p *pace) note(v *view, e model.Entry, now time.Time) {
	if p.due.IsZero() {
		p.due, p.since, p.attempt = v.tick, v.tick, e.Attempt
	}
	if p.attempt != e.Attempt {
		p.attempt, p.since = e.Attempt, now
	}
	if p.revSeen.IsZero() || p.rev != e.Rev {
		p.rev, p.revSeen, p.barred = e.Rev, now, time.Time{}
	}
	if p.gen != e.Gen {
		p.gen, p.ahead, p.kept, p.unsaid, p.without = e.Gen, 0, nil, false, time.Time{}
	}
}

// rest forgets what was due: there is nothing to tell.
func (p *pace) rest() {
	p.due, p.since, p.unmerged = time.Time{}, time.Time{}, time.Time{}
	p.failed, p.retry = 0, time.Time{}
	p.refused, p.stale, p.without = false, time.Time{}, time.Time{}
}

// waits takes in whether there is a quorum to wait for. A quorum that comes and
// goes begins the wait of the cut anew each time; what is due waits only once, as
// long as nobody tells it, or it would never be told.
func (p *pace) waits(m mode, now time.Time) mode {
	switch {
	case m.steady || m.elsewhere:
		p.without = time.Time{}
	case m.degraded && p.without.IsZero():
		p.without = now
	}
	if m.degraded && !p.without.IsZero() {
		m.from = earlier(m.from, p.without.Add(m.wait))
	}
	return m
}

// patience is how long a claim may stay unanswered: less when its message has
// waited for a quorum already.
func (p *pace) patience(m mode) time.Duration {
	if p.without.IsZero() {
		return claimTimeout
	}
	return min(claimTimeout, max(0, time.Until(p.without.Add(m.wait)))+lastClaim)
}

// lastClaim is how long a claim may take when the wait for a quorum is over.
const lastClaim = 500 * time.Millisecond

// bar takes in that the ledger says a message for this reason is too early.
func (p *pace) bar(reason model.Reason, until time.Time) { p.barred, p.reason = until, reason }

// repeatTooEarly reports whether all there is to say is a repetition that the
// ledger has called too early. It is not waited for, but looked at again at the
// next tick.
func (p *pace) repeatTooEarly(s step, now time.Time) bool {
	return s.reason == model.ReasonRepeat && p.reason == model.ReasonRepeat && p.rev == s.entry.Rev && now.Before(p.barred)
}

// notBefore is the earliest moment for the next try. The ledger's own word on it
// is a time of another node's clock, and is believed for no longer than the
// group interval, or the longest back-off, from when it was first read.
func (p *pace) notBefore(s step, interval time.Duration, wall time.Time) time.Time {
	if s.reason == model.ReasonNone {
		return p.paused
	}
	at := later(later(p.retry, p.paused), p.sent.Add(brake))
	if p.reason != model.ReasonRepeat || s.reason == model.ReasonRepeat {
		at = later(at, p.barred)
	}
	if s.entry.NotBefore > 0 {
		wait := time.UnixMilli(int64(s.entry.NotBefore)).Sub(wall)
		wait = min(wait, max(interval, maxBackoff)-time.Since(p.revSeen))
		at = later(at, time.Now().Add(wait))
	}
	return at
}

// brake is the least time between two messages of one key that this node sends,
// whatever the reason: nothing that goes wrong may flood a receiver.
const brake = 500 * time.Millisecond

// pause lets some time go by before the next look at the ledger.
func (p *pace) pause(d time.Duration) { p.paused = later(p.paused, time.Now().Add(d)) }

// maxBackoff is the longest wait between two tries that nobody asked for.
const maxBackoff = time.Minute

// claimSeen is when the claim was first seen.
func (p *pace) claimSeen(t model.Token, now time.Time) time.Time {
	if p.token != t {
		p.token, p.seen = t, now
	}
	return p.seen
}

// keep remembers an overlay of this node, built on all of those given.
func (p *pace) keep(o model.Overlay, on []model.Overlay) {
	p.kept, p.knew, p.unsaid = &o, marksOf(on), false
}

// untold remembers a message that could not be sent. In this node's memory its
// alerts stay in doubt, so that what resolves before it was ever told is told as
// resolved; the others have nothing to do with it.
func (p *pace) untold(doubt model.Overlay) { p.kept, p.unsaid = &doubt, true }

// own is what only this node knows of its tries since the ledger's generation.
func (p *pace) own(gen uint64) []model.Overlay {
	if !p.unsaid || p.kept.BaseGen != gen {
		return nil
	}
	return []model.Overlay{*p.kept}
}

// settled remembers what this node knew when it settled a message.
func (p *pace) settled(knowing []model.Overlay) { p.absorbed = marksOf(knowing) }

// unknown is the overlays without those that a later message of this node was
// built on: those of others that its own overlay was, as long as that is there,
// and all that its last settlement was. What they say was overtaken; that they
// are not merged yet must not make it say the same again and again.
func (p *pace) unknown(overlays []model.Overlay) []model.Overlay {
	if len(overlays) == 0 {
		return nil
	}
	own := p.kept != nil && slices.ContainsFunc(overlays, func(o model.Overlay) bool { return o.Origin == p.kept.Origin })
	return slices.DeleteFunc(slices.Clone(overlays), func(o model.Overlay) bool {
		return covered(o, p.absorbed) || own && o.Origin != p.kept.Origin && covered(o, p.knew)
	})
}

func covered(o model.Overlay, by []model.OverlayMark) bool {
	return slices.ContainsFunc(by, func(m model.OverlayMark) bool { return m.Covers(o) })
}

func marksOf(overlays []model.Overlay) []model.OverlayMark {
	var out []model.OverlayMark
	for _, o := range overlays {
		out = append(out, model.OverlayMark{Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq})
	}
	return out
}

// remembered puts the last overlay of this node among those that are kept, if
// they lack it: while there is no quorum, a local file that cannot be written
// must not make a message go out again and again.
func (p *pace) remembered(overlays []model.Overlay) []model.Overlay {
	if p.kept == nil {
		return overlays
	}
	out := make([]model.Overlay, 0, len(overlays)+1)
	for _, o := range overlays {
		if o.Origin != p.kept.Origin {
			out = append(out, o)
		} else if (model.OverlayMark{Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq}).Covers(*p.kept) {
			return overlays
		}
	}
	return append(out, *p.kept)
}
