package fsm

import "tocsin/fsm/model"

// Release takes a claim back. If nothing was sent, only the revision moves. A
// failed try puts the claim's alerts in doubt, as an expiry does: a receiver
// that did not answer in time may still have taken the message. That is also why
// an alert which never got through, and resolved meanwhile, is told resolved.
func Release(e model.Entry, r model.Release) (model.Entry, Verdict) {
	if e.Claim == nil || e.Claim.Token != r.Token {
		if spentAs(&e, r.Token, false) {
			return e, Repeated
		}
		return e, Unknown
	}
	if r.Failed {
		toldOf(&e).perhaps(e.Claim.Firing, e.Claim.Resolved).putInto(&e)
		e.Attempt++
		e.NotBefore = r.NotBefore
	}
	e.Claim = nil
	e.Strands = nil
	spend(&e, r.Token, false)
	advance(&e, 0)
	return e, Accepted
}
