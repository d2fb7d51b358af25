package dispatcher

import (
	"testing"

	"pgregory.net/rapid"

	"tocsin/fsm/model"
)

// truth is what a receiver was last told is firing.
type truth map[model.AlertHash]bool

func (b belief) holds(w truth) bool {
	for _, h := range b.must {
		if !w[h] {
			return false
		}
	}
	for h, fires := range w {
		if fires && !b.must.Has(h) && !b.maybe.Has(h) {
			return false
		}
	}
	return !b.must.Meets(b.maybe)
}

func drawSet(t *rapid.T, name string) model.AlertSet {
	return model.NewAlertSet(rapid.SliceOf(rapid.Custom(func(t *rapid.T) model.AlertHash {
		return model.AlertHash(rapid.Uint64Range(1, 4).Draw(t, "hash"))
	})).Draw(t, name)...)
}

// I8: whatever two cut-off senders tell, with messages that arrive or do not,
// what is believed of the receiver holds, on each side and joined.
func TestBeliefHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		world := truth{}
		ledger := model.Entry{Rev: 7}
		send := func(b belief) belief {
			firing := drawSet(t, "firing")
			resolved := drawSet(t, "resolved").Minus(firing)
			arrives, known := rapid.Bool().Draw(t, "arrives"), rapid.Bool().Draw(t, "known")
			if arrives {
				for _, h := range firing {
					world[h] = true
				}
				for _, h := range resolved {
					world[h] = false
				}
				if known {
					return b.told(firing, resolved)
				}
			}
			return b.doubted(firing, resolved)
		}
		b := belief{}
		for range rapid.IntRange(0, 3).Draw(t, "together") {
			if b = send(b); !b.holds(world) {
				t.Fatalf("%+v of %v", b, world)
			}
		}
		ledger.Must, ledger.Maybe, ledger.Resolved = b.must, b.maybe, b.resolved
		sides := []belief{b, b}
		for range rapid.IntRange(0, 5).Draw(t, "apart") {
			i := rapid.IntRange(0, 1).Draw(t, "side")
			sides[i] = send(sides[i])
		}
		e := overlaid(ledger, []model.Overlay{
			{Origin: "a", BaseRev: 7, Must: sides[0].must, Maybe: sides[0].maybe, Resolved: sides[0].resolved},
			{Origin: "b", BaseRev: 7, Must: sides[1].must, Maybe: sides[1].maybe, Resolved: sides[1].resolved},
		})
		if !beliefOf(&e).holds(world) {
			t.Fatalf("joined %+v of %v, from %+v", beliefOf(&e), world, sides)
		}
	})
}

func TestOverlaid(t *testing.T) {
	one, two := model.NewAlertSet(1), model.NewAlertSet(2)
	ledger := model.Entry{Rev: 7, Gen: 3, Must: one, Stamp: 100, Data: model.Data{{Key: "old"}}}
	fresh := model.Overlay{BaseRev: 7, Must: two, Stamp: 200, Data: model.Data{{Key: "new"}}}
	if e := overlaid(ledger, nil); !e.Must.Equal(one) || e.Stamp != 100 {
		t.Errorf("without overlays %+v", e)
	}
	if e := overlaid(ledger, []model.Overlay{fresh}); !e.Must.Equal(two) || len(e.Maybe) != 0 || e.Stamp != 200 || e.Data[0].Key != "new" || e.Gen != 3 {
		t.Errorf("adopted %+v", e)
	}
	stale := fresh
	stale.BaseRev = 6
	if e := overlaid(ledger, []model.Overlay{stale}); len(e.Must) != 0 || !e.Maybe.Equal(one.Union(two)) || e.Stamp != 100 || e.Data[0].Key != "new" {
		t.Errorf("joined %+v", e)
	}
	if !ledger.Must.Equal(one) {
		t.Error("the ledger's entry was changed")
	}
}
