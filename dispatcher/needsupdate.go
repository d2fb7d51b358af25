package dispatcher

import (
	"time"

	"tocsin/fsm/model"
)

// Situation is what a node sees of one group when it asks whether one
// integration has to be told something. The sets are disjoint.
type Situation struct {
	// Firing and Resolved are the alerts that a message would be about.
	Firing, Resolved model.AlertSet
	// Muted are alerts that fire, but must not be told of now.
	Muted model.AlertSet
	// SendResolved: the integration wants to hear of resolved alerts.
	SendResolved bool
	// Repeat is the repeat interval. Tick is the time of the group's last tick
	// and Now the moment of asking, both by this node's clock.
	Repeat    time.Duration
	Tick, Now model.Millis
}

// skew is how far two nodes' clocks may differ without anybody noticing: the
// least that an entry must be in the future to count as faulty.
const skew = model.Millis(60_000)

// NeedsUpdate says why a message is due, given what the receiver was told last;
// ReasonNone if none is. A nil entry means that it was told nothing.
//
// It decides as Alertmanager does, with the entry's Must in the place of the
// alerts that were firing in the last message, and differs in three places.
// Alerts in Maybe are told again, whichever way they have gone since, because
// the receiver may not know. Alerts that are muted while they still fire do not
// count as gone, so their receiver is not told that all is over when something
// else in the group is. And an entry from further in the future than a repeat
// interval counts as too long ago: a clock that was wrong when it was settled may
// hold a repeat back by as much as it was wrong, so that nothing is told twice
// when the clock of the leader is right again, but not for ever.
func NeedsUpdate(e *model.Entry, s Situation) model.Reason {
	if e == nil {
		e = &model.Entry{}
	}
	if !s.Firing.SubsetOf(e.Must) {
		return reasonForFiring(e)
	}
	if len(s.Firing) == 0 {
		return reasonForEmpty(e, s)
	}
	if s.SendResolved && (s.Resolved.Meets(e.Maybe) || !s.Resolved.SubsetOf(e.Resolved)) {
		return model.ReasonSomeResolved
	}
	repeat := model.Millis(s.Repeat.Milliseconds())
	if e.Stamp < s.Tick-repeat || e.Stamp > s.Now+max(skew, repeat) {
		return model.ReasonRepeat
	}
	return model.ReasonNone
}

// reasonForFiring has no word for doubt: whoever reads the message did not send
// the one before, and a template should not have to know about claims. The
// history shows what was in doubt.
func reasonForFiring(e *model.Entry) model.Reason {
	if len(e.Must) == 0 {
		return model.ReasonFirst
	}
	return model.ReasonNewAlerts
}

// reasonForEmpty is for a group in which nothing fires that could be told. The
// log is closed whether or not the integration wants to hear of it, so that the
// next firing is a first one. With nothing resolved either there is no message.
func reasonForEmpty(e *model.Entry, s Situation) model.Reason {
	if len(s.Resolved) == 0 {
		return model.ReasonNone
	}
	if len(e.Must.Minus(s.Muted)) > 0 || s.Resolved.Meets(e.Maybe) {
		return model.ReasonAllResolved
	}
	return model.ReasonNone
}
