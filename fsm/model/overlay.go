package model

// Overlay is what a node sent for one key without a quorum: the entry as that
// node sees it. It goes to the local file before the send, to the peers after
// it, and into the ledger when the quorum is back.
type Overlay struct {
	Key DeliveryKey
	// Origin, Epoch and Seq name it: Epoch grows with each start of the node,
	// Seq with each overlay of the node.
	Origin NodeID
	Epoch  uint64
	Seq    uint64
	// BaseRev and BaseGen are the ledger entry's that the first overlay of
	// this cut was built on.
	BaseRev uint64
	BaseGen uint64
	Stamp   Millis

	Must, Maybe, Resolved AlertSet

	Data Data
	// Delivery is the last message of the line; without an Outcome there was
	// none, or it is not known yet. With a Token it was sent under that claim.
	Delivery Delivery
}

// OverlayMark says up to which overlay of a node an entry has merged.
type OverlayMark struct {
	Origin NodeID
	Epoch  uint64
	Seq    uint64
}

// Covers reports whether o was merged already.
func (m OverlayMark) Covers(o Overlay) bool {
	return m.Origin == o.Origin && (m.Epoch > o.Epoch || m.Epoch == o.Epoch && m.Seq >= o.Seq)
}
