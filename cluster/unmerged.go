package cluster

import (
	"cmp"
	"slices"

	"tocsin/fsm/model"
)

// Unmerged are all overlays that are not in the ledger yet, own and heard of,
// the newest first: what was sent without a quorum and is in no history so far.
func (n *Node) Unmerged() []model.Overlay {
	var out []model.Overlay
	for _, h := range n.overlays.all() {
		if !n.overlays.isMerged(h.Overlay) {
			out = append(out, h.Overlay)
		}
	}
	slices.SortFunc(out, func(a, b model.Overlay) int {
		return cmp.Or(cmp.Compare(b.Delivery.At, a.Delivery.At), a.Key.Compare(b.Key), cmp.Compare(a.Origin, b.Origin))
	})
	return out
}
