package model_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/fsm/model"
)

var hashes = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) model.AlertHash {
	return model.AlertHash(rapid.Uint64Range(0, 20).Draw(t, "hash"))
}), 0, 12)

// The algebra on sets agrees with the obvious one on maps, and leaves its
// operands alone.
func TestAlertSetAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs, ys := hashes.Draw(t, "xs"), hashes.Draw(t, "ys")
		a, b := model.NewAlertSet(xs...), model.NewAlertSet(ys...)
		a0, b0 := slices.Clone(a), slices.Clone(b)
		inA, inB := member(xs), member(ys)
		pick := func(in func(model.AlertHash) bool) (s model.AlertSet) {
			for h := range model.AlertHash(21) {
				if in(h) {
					s = append(s, h)
				}
			}
			return s
		}
		for _, f := range []struct {
			name      string
			got, want model.AlertSet
		}{
			{"union", a.Union(b), pick(func(h model.AlertHash) bool { return inA[h] || inB[h] })},
			{"intersect", a.Intersect(b), pick(func(h model.AlertHash) bool { return inA[h] && inB[h] })},
			{"minus", a.Minus(b), pick(func(h model.AlertHash) bool { return inA[h] && !inB[h] })},
		} {
			if !f.got.Equal(f.want) {
				t.Fatalf("%s of %v and %v is %v", f.name, a, b, f.got)
			}
		}
		if got, want := a.SubsetOf(b), len(a.Minus(b)) == 0; got != want {
			t.Fatalf("%v subset of %v: %v", a, b, got)
		}
		if got, want := a.Meets(b), len(a.Intersect(b)) > 0; got != want {
			t.Fatalf("%v meets %v: %v", a, b, got)
		}
		for h := range model.AlertHash(21) {
			if a.Has(h) != inA[h] {
				t.Fatalf("%v has %d: %v", a, h, a.Has(h))
			}
		}
		if !a.Equal(a0) || !b.Equal(b0) {
			t.Fatal("an operand changed")
		}
	})
}

func member(hs []model.AlertHash) map[model.AlertHash]bool {
	m := map[model.AlertHash]bool{}
	for _, h := range hs {
		m[h] = true
	}
	return m
}
