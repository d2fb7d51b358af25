package match

import "tocsin/dispatcher/alert"

// Index finds, of many sets, those that could match an alert: each set that
// demands labels is filed under the one of them that the fewest sets demand. It
// is immutable; T is whatever the caller knows a set by.
type Index[T any] struct {
	byLabel map[alert.Label][]T
	rest    []T
}

// Entry is a set with what it is known by.
type Entry[T any] struct {
	Set  Set
	Item T
}

// NewIndex files the entries. Candidates come in their order within one label.
func NewIndex[T any](entries []Entry[T]) *Index[T] {
	demanded := make(map[alert.Label]int)
	for _, e := range entries {
		for _, l := range e.Set.Demands() {
			demanded[l]++
		}
	}
	x := &Index[T]{byLabel: make(map[alert.Label][]T)}
	for _, e := range entries {
		if l, ok := rarest(e.Set.Demands(), demanded); ok {
			x.byLabel[l] = append(x.byLabel[l], e.Item)
		} else {
			x.rest = append(x.rest, e.Item)
		}
	}
	return x
}

func rarest(demands []alert.Label, demanded map[alert.Label]int) (best alert.Label, ok bool) {
	for _, l := range demands {
		if !ok || demanded[l] < demanded[best] {
			best, ok = l, true
		}
	}
	return best, ok
}

// Append adds to dst the items whose sets could match the labels, in no order.
// The sets have to be asked still.
func (x *Index[T]) Append(dst []T, ls alert.Labels) []T {
	if len(x.byLabel) > 0 {
		for _, l := range ls {
			dst = append(dst, x.byLabel[l]...)
		}
	}
	return append(dst, x.rest...)
}
