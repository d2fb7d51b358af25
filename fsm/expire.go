package fsm

import "tocsin/fsm/model"

// Expire ends a live claim whose holder was not heard of in time. Its message
// may have been sent or not, so its alerts come in doubt; the generation stays,
// so that whoever takes over sends the same delivery ID. The claim is
// remembered: if the holder was only slow, its settlement is evidence.
func Expire(e model.Entry, x model.Expiry) (model.Entry, Verdict) {
	if e.Claim == nil || e.Claim.Token != x.Token {
		if lapsed(&e, x.Token) >= 0 {
			return e, Repeated
		}
		return e, Unknown
	}
	toldOf(&e).perhaps(e.Claim.Firing, e.Claim.Resolved).putInto(&e)
	e.Lapsed = keepLast(e.Lapsed, *e.Claim, model.MaxLapsed)
	e.Claim = nil
	e.Strands = nil
	advance(&e, 0)
	return e, Accepted
}
