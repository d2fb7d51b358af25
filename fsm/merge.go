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
//
// A node whose settlement is not answered keeps it as an overlay too. Such an
// overlay, told by its Delivery's token, is the settlement, whichever of the two
// comes first, so that a change of leaders during a send does not put a message
// in doubt that its sender can vouch for. If it says nothing else, and that message
// is in the ledger's line already, or came in time before others (see Settle), it
// says nothing new.
func Merge(e model.Entry, o model.Overlay, floor uint64) (model.Entry, Verdict) {
	i, found := slices.BinarySearchFunc(e.Merged, o.Origin, func(m model.OverlayMark, n model.NodeID) int {
		return cmp.Compare(m.Origin, n)
	})
	if found && e.Merged[i].Covers(o) {
		return e, Repeated
	}
	e.Merged = slices.Clone(e.Merged)
	mark := model.OverlayMark{Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq}
	if found {
		e.Merged[i] = mark
	} else {
		e.Merged = slices.Insert(e.Merged, i, mark)
	}
	if noNews(&e, &o) {
		return e, Accepted
	}
	strands := e.Strands
	if len(strands) == 0 {
		strands = []model.Strand{ledgerStrand(&e, floor)}
	}
	strands = endClaim(&e, &o, strands)
	advance(&e, floor)
	e.Strands = undominated(strands, model.Strand{
		Origin: o.Origin, Epoch: o.Epoch, Seq: o.Seq, Base: o.BaseRev, At: e.Rev,
		Stamp: o.Stamp, Must: o.Must, Maybe: o.Maybe, Resolved: o.Resolved, Data: o.Data,
	})
	join(linesOf(e.Strands)).putInto(&e)
	e.Attempt, e.NotBefore = 0, 0
	e.Gen++
	return e, Accepted
}

// noNews reports whether the overlay is nothing but a settlement that is in the
// ledger's line, or that came too late to say anything that is not. It ends the
// claim then.
func noNews(e *model.Entry, o *model.Overlay) bool {
	token := o.Delivery.Token
	if !o.Delivery.InLease || o.Delivery.Outcome != model.OutcomeSent || token.IsZero() {
		return false
	}
	if spentAs(e, token, true) {
		return true
	}
	i := lapsed(e, token)
	if i < 0 || !e.Lapsed[i].Overtaken || !reports(o, &e.Lapsed[i]) {
		return false
	}
	e.Lapsed = slices.Delete(slices.Clone(e.Lapsed), i, i+1)
	spend(e, token, true)
	return true
}

// endClaim ends the claim, live or lapsed, whose message the overlay reports, if
// its settlement has not done so before. Then nothing is under way in the
// ledger's line any more; and if that line moved by nothing but the end of this
// claim, the overlay knew all of it.
func endClaim(e *model.Entry, o *model.Overlay, strands []model.Strand) []model.Strand {
	token := o.Delivery.Token
	if o.Delivery.Outcome != model.OutcomeSent || token.IsZero() {
		return strands
	}
	known := o.BaseRev + 1 // one change since the grant: the claim's end
	i := lapsed(e, token)
	switch {
	case e.Claim != nil && reports(o, e.Claim):
		known = o.BaseRev
		e.Claim = nil
		spend(e, token, true)
	case i >= 0 && reports(o, &e.Lapsed[i]):
		e.Lapsed = slices.Delete(slices.Clone(e.Lapsed), i, i+1)
		spend(e, token, true)
	case len(e.Spent) == 0 || e.Spent[len(e.Spent)-1] != model.SpentToken{Token: token, Settled: true}:
		return strands
	}
	strands = slices.Clone(strands)
	for i := range strands {
		if s := &strands[i]; s.Origin == "" {
			s.Pinned = e.Claim != nil
			if s.At == known {
				s.At = o.BaseRev
			}
		}
	}
	return strands
}

// reports reports whether the overlay tells what became of the claim, and was
// built on the entry right after its grant.
func reports(o *model.Overlay, c *model.Claim) bool {
	return c.Token == o.Delivery.Token && c.Node == o.Origin && c.Rev == o.BaseRev
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
