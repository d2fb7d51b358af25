package cluster

import "tocsin/fsm/model"

// Rank is this node's place, from 0, among the nodes that may send for key, and
// how many there are.
func (n *Node) Rank(key model.DeliveryKey) (rank, of int) { return 0, 1 }
