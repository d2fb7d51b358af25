package fsm

import (
	"cmp"
	"slices"

	"tocsin/fsm/model"
)

// Merge brings in what a node sent without a quorum.
//
// The overlay of a node is the entry as that node sees it: one line of messages,
// built on the ledger at its BaseRev, and each overlay of a node on the one
// before. The ledger's own line is another. A line stands for a second one if it
// was built on it: a later overlay for the earlier ones of its node, and an
// overlay for every line that was in the ledger at its BaseRev. The entry is
// the join of the lines that no other stands for. With one such line that is
// adoption: the overlay of a node that was cut off from a ledger which stood
// still. With several, must is what all of them must, and the rest is in doubt.
//
// Which lines stand for which hangs on what their senders knew, not on the order
// in which the overlays arrive, so that any order gives the same sets (I6).
// Adopting the first and joining the rest would not: the entry would depend on
// whether the first overlay of a node came in before its second. While a claim
// lives, its message is under way beside the overlay, so nothing stands for the
// ledger's line then. Any other change of the entry ends this bookkeeping: the
// entry is one line again.
func Merge(e model.Entry, o model.Overlay, floor uint64) (model.Entry, Verdict) {
	i, found := slices.BinarySearchFunc(e.Merged, o.Origin, func(m model.OverlayMark, n model.NodeID) int {
		return cmp.Compare(m.Origin, n)
	})
	if found && e.Merged[i].Covers(o) {
		return e, Repeated
	}
	strands := e.Strands
	if len(strands) == 0 {
		strands = []model.Strand{ledgerStrand(&e, floor)}
	}
	advance(&e, floor)
	e.Strands = undominated(strands, model.Strand{
		Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq, Base: o.BaseRev, At: e.Rev,
		Stamp: o.Stamp, Must: o.Must, Maybe: o.Maybe, Resolved: o.Resolved, Data: o.Data,
	})
	join(linesOf(e.Strands)).putInto(&e)
	mark := model.OverlayMark{Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq}
	e.Merged = slices.Clone(e.Merged)
	if found {
		e.Merged[i] = mark
	} else {
		e.Merged = slices.Insert(e.Merged, i, mark)
	}
	e.Attempt, e.NotBefore = 0, 0
	e.Gen++
	return e, Accepted
}

// ledgerStrand is the ledger's own line. Where there is no entry there may have
// been one that was dropped, and then its last revision was at most floor.
func ledgerStrand(e *model.Entry, floor uint64) model.Strand {
	if e.Rev == 0 {
		return model.Strand{At: floor, Absent: true}
	}
	return model.Strand{
		At: e.Rev, Pinned: e.Claim != nil,
		Stamp: e.Stamp, Must: e.Must, Maybe: e.Maybe, Resolved: e.Resolved, Data: e.Data,
	}
}

// undominated is old and s, less those that s stands for.
func undominated(old []model.Strand, s model.Strand) []model.Strand {
	kept := make([]model.Strand, 0, len(old)+1)
	for _, o := range old {
		knew := s.Base >= o.At && !o.Pinned
		if o.Origin != s.Origin && !knew {
			kept = append(kept, o)
		}
	}
	return append(kept, s)
}

// linesOf are the lines to join. That of an entry which does not exist counts
// only beside an overlay that was built on one which did: the others found
// nothing either.
func linesOf(strands []model.Strand) []told {
	built := slices.ContainsFunc(strands, func(s model.Strand) bool { return s.Base > 0 })
	lines := make([]told, 0, len(strands))
	for _, s := range strands {
		if !s.Absent || built {
			lines = append(lines, told{s.Must, s.Maybe, s.Resolved, s.Stamp, s.Data})
		}
	}
	return lines
}
