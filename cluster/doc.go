// Package cluster is a node of the cluster: it agrees with the others through
// Raft on what people decided and what was told, and knows through gossip who
// is there.
//
// It owns the Raft instance and its files (start, join, forwarding, claim
// timers, promotion, recovery, the stall watchdog), the node's identity, the
// ranks, the view of the quorum, the clock and the overlays' way into the ledger. Beneath
// it, cluster/mux is the one port for everything between nodes, and
// cluster/gossip the membership protocol.
//
// It must not know what a notification, a route or an alert is, and it decides
// nothing that the state machine decides: it carries commands there and answers
// back. No other package sees hashicorp/raft or memberlist.
//
// What it holds up:
//
//   - I4: a claim ends only by a command in the log. The leader times claims on
//     its monotonic clock and proposes their expiry; a new leader gives every
//     live claim its full time again.
//   - I12: failover within the election timeouts given in Timing.
//   - I14: Propose returns after this node's own state machine has applied, and
//     raft and state files are synced by then.
//   - I15: a node whose disk fails or hangs falls silent within the stall
//     timeout, so that others elect, and comes back by itself.
//   - I18: goroutines, claim timers and overlays return to their baseline.
//
// Every proposal ends in one of three outcomes: applied, not applied, unknown
// (see outcome.go, the only place that decides it). "Not applied" is tried
// again. "Unknown" is looked for in the applied state and then proposed again
// under its old token, which the state machine answers as it did the first
// time. Nothing ever waits on a bare Raft future.
//
// Who is there is known twice, from gossip and from the port between nodes (see
// sight.go), so that either may be blocked and a killed node is missed at once.
// All that judges by the wall clock goes by Node.Now (I16, see cluster/clock).
// A node that comes back to its quorum takes no turns before it is in step
// (behind.go), and gets what it has missed at once (transport.go). What is kept
// of a send under way is nobody else's affair (overlay.go). A leader that does not
// reach a voter gives way to one that does (balance.go).
//
// Who may speak on the port between nodes is in admit.go: TLS proves that the
// other side has the key of its certificate, and the hello that follows says in
// words why it is not welcome. A newcomer gets its certificate by enrolling
// (enrol.go asks, enrolserve.go answers), founders from the one that founds
// (found.go). Certificates, authorities and gossip keys follow the replicated
// state (follow.go, keys.go). Injected transports have none of it.
//
// Any member signs certificates, its own and those of newcomers, because all hold
// the authority's key with the state; only the use of a token goes through the
// log. Had the leader alone signed, a cluster without a quorum whose certificates
// end could never get one again.
//
// Gossip is always encrypted; in an open cluster with a key that everybody knows
// (pki.OpenGossipKey). So opening and closing a cluster is the replacement of a
// key like any other, without a moment in which some speak and others do not hear.
//
// A removed node is refused by its ID, for as long as a certificate of it may be
// good. It has held the authority's key, so a node that fell into wrong hands is
// only shut out by replacing the authority as well.
//
// Nothing is proposed that a member does not know (versions.go). Members are
// changed by hand by the leader only (tend.go), and by the autopilot only if it is
// told to. What is done to the folder of a node that does not run stands apart:
// founding a cluster from a backup (folder.go), recovering one (salvage.go).
//
// Differences from the design page: a node that rejoins under a new ID names
// its old one, so that the leader can remove the voter that will not come back.
// The ID is also changed when log and state disagree in a way that only a lost
// log explains, for the same reason as for a damaged one: it may have voted.
package cluster
