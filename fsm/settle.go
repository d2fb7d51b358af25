package fsm

import (
	"slices"

	"tocsin/fsm/model"
)

// Verdict says what a rule made of a command.
type Verdict uint8

// The verdicts.
const (
	// Accepted: the entry is changed.
	Accepted Verdict = iota + 1
	// Repeated: the command was accepted before. Nothing changes.
	Repeated
	// Unknown: the entry knows nothing of such a claim. Nothing changes.
	Unknown
)

// Settle takes the report that a message was sent and taken by the receiver, or
// that there is none to send and the sets should move all the same (a quiet
// settlement, see model.Settlement).
//
// Under a live claim whose entry nobody touched meanwhile, the message is the
// last the receiver got. Where the entry did change under the claim (an overlay
// or a late settlement came in), or where the claim had expired and another
// followed, nobody knows which message came last: then the two are joined as
// lines that knew nothing of each other. A claim that expired and had no
// successor was the last after all.
//
// A message that was sent while its claim was good came before everything that
// was told after its expiry, and the doubt of the expiry has said of it all that
// there is to say. That it arrived is no news then: joined, it would put in doubt
// what was told since, as certain as that is.
func Settle(e model.Entry, s model.Settlement, stamp model.Millis) (model.Entry, Verdict) {
	if e.Claim != nil && e.Claim.Token == s.Token {
		last := e.Rev == e.Claim.Rev
		e.Claim = nil
		return settled(e, s, stamp, last), Accepted
	}
	if i := lapsed(&e, s.Token); i >= 0 {
		// The grant and the expiry were the last two changes.
		last := e.Claim == nil && e.Rev == e.Lapsed[i].Rev+1
		e.Lapsed = slices.Delete(slices.Clone(e.Lapsed), i, i+1)
		if !last && s.Delivery.InLease {
			spend(&e, s.Token, true)
			return e, Accepted
		}
		return settled(e, s, stamp, last), Accepted
	}
	if spentAs(&e, s.Token, true) {
		return e, Repeated
	}
	return e, Unknown
}

// settled puts a message that arrived into the entry; last: after all others.
func settled(e model.Entry, s model.Settlement, stamp model.Millis, last bool) model.Entry {
	before := toldOf(&e)
	after := before.plus(s.Firing, s.Resolved)
	if s.Delivery.Outcome != 0 {
		after.stamp, after.data = stamp, s.Data
	}
	if last {
		e.Attempt, e.NotBefore = 0, 0
	} else {
		after = join([]told{before, after})
	}
	after.putInto(&e)
	spend(&e, s.Token, true)
	e.Strands = nil
	e.Gen++
	advance(&e, 0)
	return e
}
