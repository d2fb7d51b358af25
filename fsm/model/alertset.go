package model

import (
	"iter"
	"slices"
)

// AlertHash identifies an alert by its labels: the xxhash64 over the sorted
// pairs name 0xff value 0xff, as Alertmanager writes it into its notification
// log, so that an imported log keeps its meaning.
type AlertHash uint64

// AlertSet is a set of alerts: ascending, without repeats. The nil slice is the
// empty set. Operations return new sets and leave their operands alone; a
// result may share memory with an operand, which is safe because sets are
// never changed in place.
type AlertSet []AlertHash

// NewAlertSet makes a set of the given hashes, in any order, repeats allowed.
func NewAlertSet(hashes ...AlertHash) AlertSet {
	if len(hashes) == 0 {
		return nil
	}
	s := slices.Clone(hashes)
	slices.Sort(s)
	return AlertSet(slices.Compact(s))
}

// Has reports whether h is in s.
func (s AlertSet) Has(h AlertHash) bool {
	_, ok := slices.BinarySearch(s, h)
	return ok
}

// Equal reports whether both sets have the same members.
func (s AlertSet) Equal(o AlertSet) bool { return slices.Equal(s, o) }

// SubsetOf reports whether every member of s is in o.
func (s AlertSet) SubsetOf(o AlertSet) bool {
	if len(s) > len(o) {
		return false
	}
	for _, inO := range s.against(o) {
		if !inO {
			return false
		}
	}
	return true
}

// Meets reports whether s and o share a member.
func (s AlertSet) Meets(o AlertSet) bool {
	for _, inO := range s.against(o) {
		if inO {
			return true
		}
	}
	return false
}

// Intersect is the set of members that both have.
func (s AlertSet) Intersect(o AlertSet) AlertSet { return s.filter(o, true) }

// Minus is the set of members of s that o has not.
func (s AlertSet) Minus(o AlertSet) AlertSet { return s.filter(o, false) }

// Union is the set of members that either has.
func (s AlertSet) Union(o AlertSet) AlertSet {
	switch {
	case len(o) == 0:
		return s
	case len(s) == 0:
		return o
	}
	u := make(AlertSet, 0, len(s)+len(o))
	i, j := 0, 0
	for i < len(s) && j < len(o) {
		switch {
		case s[i] < o[j]:
			u = append(u, s[i])
			i++
		case s[i] > o[j]:
			u = append(u, o[j])
			j++
		default:
			u = append(u, s[i])
			i++
			j++
		}
	}
	u = append(u, s[i:]...)
	return append(u, o[j:]...)
}

// against walks s in order and says of each member whether o has it, in one
// pass over both.
func (s AlertSet) against(o AlertSet) iter.Seq2[AlertHash, bool] {
	return func(yield func(AlertHash, bool) bool) {
		j := 0
		for _, h := range s {
			for j < len(o) && o[j] < h {
				j++
			}
			if !yield(h, j < len(o) && o[j] == h) {
				return
			}
		}
	}
}

func (s AlertSet) filter(o AlertSet, keep bool) AlertSet {
	var out AlertSet
	for h, inO := range s.against(o) {
		if inO == keep {
			out = append(out, h)
		}
	}
	return out
}
