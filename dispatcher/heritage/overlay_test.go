package heritage_test

import (
	"testing"

	"tocsin/dispatcher/heritage"
	"tocsin/fsm"
	"tocsin/fsm/model"
)

var key = model.DeliveryKey{Group: "g", Receiver: "r", Integration: "i"}

func told(at model.Millis, firing, resolved model.AlertSet) *heritage.Told {
	return &heritage.Told{Key: key, At: at, Firing: firing, Resolved: resolved}
}

// merged is the ledger after an import on top of what it has.
func merged(t *testing.T, e model.Entry, what *heritage.Told) model.Entry {
	t.Helper()
	have := &e
	if e.Rev == 0 {
		have = nil
	}
	o, news := what.Overlay(have)
	if !news {
		return e
	}
	e.Key = key
	after, verdict := fsm.Merge(e, o, 0)
	if verdict != fsm.Accepted {
		t.Fatalf("the ledger does not take %+v: %v", o, verdict)
	}
	return after
}

// TestYoungestCounts brings the logs of several Alertmanagers in, in any order
// and more than once: what is left is the youngest.
func TestYoungestCounts(t *testing.T) {
	older, younger := told(100, model.AlertSet{1, 2}, nil), told(200, model.AlertSet{2, 3}, model.AlertSet{1})
	for _, order := range [][]*heritage.Told{{older, younger}, {younger, older}, {older, younger, older, younger}, {younger}} {
		var e model.Entry
		for _, o := range order {
			e = merged(t, e, o)
		}
		if !e.Must.Equal(younger.Firing) || len(e.Maybe) > 0 || !e.Resolved.Equal(younger.Resolved) || e.Stamp != 200 {
			t.Errorf("%d imports: must %v maybe %v resolved %v stamp %d", len(order), e.Must, e.Maybe, e.Resolved, e.Stamp)
		}
	}
}

// TestBesideOwnMessages has the cluster tell something itself, before and after
// the Alertmanager did.
func TestBesideOwnMessages(t *testing.T) {
	own := model.Entry{Key: key, Rev: 7, Gen: 3, Stamp: 150, Must: model.AlertSet{1, 5}, Resolved: model.AlertSet{9}}
	if e := merged(t, own, told(100, model.AlertSet{2}, nil)); e.Rev != 7 {
		t.Errorf("what the cluster told later was overwritten: %+v", e)
	}
	if e := merged(t, own, told(150, model.AlertSet{2}, nil)); e.Rev != 7 {
		t.Errorf("what the cluster told at that time was overwritten: %+v", e)
	}
	e := merged(t, own, told(200, model.AlertSet{1, 2}, model.AlertSet{8}))
	if !e.Must.Equal(model.AlertSet{1, 2}) || !e.Maybe.Equal(model.AlertSet{5}) || !e.Resolved.Equal(model.AlertSet{8, 9}) || e.Stamp != 200 {
		t.Errorf("what the Alertmanager told later: %+v", e)
	}
}
