package heritage

import "tocsin/fsm/model"

// Origin stands for all Alertmanagers in the ledger, as the node that told.
const Origin model.NodeID = "alertmanager"

// epoch is that of all overlays of Origin: their times number them.
const epoch = 1

// Overlay is what was told as the ledger takes it in, beside entry, which is what
// it has of the key, or nil. False if the ledger knows as much already: of the
// same time or a later one.
//
// Between Alertmanagers the youngest message counts and says all, and so it is
// here as long as nobody but Alertmanagers told something. What nodes of ours
// have told before it and it does not speak of is in doubt after it, as after any
// message that came from elsewhere.
func (t *Told) Overlay(entry *model.Entry) (model.Overlay, bool) {
	o := model.Overlay{
		Key: t.Key, Origin: Origin, Epoch: epoch, Seq: uint64(t.At), Stamp: t.At,
		Must: t.Firing, Resolved: t.Resolved, Data: t.Data,
	}
	if entry == nil {
		return o, true
	}
	if entry.Stamp >= t.At {
		return model.Overlay{}, false
	}
	o.BaseRev, o.BaseGen = entry.Rev, entry.Gen
	if !inherited(entry) {
		o.Maybe = entry.Must.Union(entry.Maybe).Minus(t.Firing).Minus(t.Resolved)
		o.Resolved = entry.Resolved.Minus(t.Firing).Union(t.Resolved)
	}
	return o, true
}

// inherited reports whether all that an entry says was taken over.
func inherited(e *model.Entry) bool {
	for _, s := range e.Strands {
		if s.Origin != Origin && !s.Absent {
			return false
		}
	}
	return len(e.Strands) > 0
}
