package cluster

import "context"

// A node that has come back to its quorum does not know yet what was told
// meanwhile. It takes no turns before its state has all that the leader's had
// when it came back: it would ask for what others have settled long ago.

// cameBack takes down that there is a quorum again.
func (n *Node) cameBack() {
	n.behind.Store(true)
	select {
	case n.back <- struct{}{}:
	default:
	}
}

// runBehind finds out when this node is in step again, each time that it has come
// back, until ctx ends.
func (n *Node) runBehind(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.back:
		}
		for n.behind.Load() && !n.caughtUp(ctx) {
			if !sleep(ctx, tick/2) {
				return
			}
		}
		n.behind.Store(false)
		n.tellState()
		n.refreshRanks()
	}
}
