package cluster

import "tocsin/fsm/model"

// Keep writes an overlay of this node to the local file, synced, before the
// message that it describes is sent; it is merged into the ledger as soon as
// there is a quorum.
func (n *Node) Keep(o model.Overlay) error { return nil }

// Announce tells the peers of an overlay of this node. It keeps it too, if Keep
// has not. It does not wait for the peers; what they miss they get with the
// next full exchange.
func (n *Node) Announce(o model.Overlay) {}

// Overlays are the overlays of key, own and heard of, that are not in the
// ledger yet: at most one an origin, ordered by origin.
func (n *Node) Overlays(key model.DeliveryKey) []model.Overlay { return nil }
