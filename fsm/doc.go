// Package fsm is the replicated state machine: the configuration, the silences,
// the ledger of what receivers were told, the nodes, the delivery history,
// the records that other packages keep here, the audit of what people changed.
// Commands go in by the log, and the same log makes the same state on every
// node.
//
// A batch of log entries is one transaction on the state file: records, applied
// index and rolling hash are in it together or not at all. What the file says is
// the truth; a View in memory is made of it at Open, changed beside the
// transaction, and shown when the transaction is committed. Readers take the
// View and never a lock.
//
// The rules of the ledger are pure functions of an entry and a command: Grant,
// Settle, Release, Expire, Merge. They share one idea. Of every alert the entry
// says whether the receiver has certainly last been told that it is firing
// (must), or may have been (maybe), and keeps must ⊆ told ⊆ must ∪ maybe (I8). A
// message that arrived, one that may have arrived, and lines of messages whose
// order nobody knows are three ways to keep that true.
//
// Where the rules say more than the design does:
//
//   - A failed try puts its alerts in doubt, exactly as an expiry does. A receiver
//     that did not answer in time may have taken a message, and if that message
//     called an alert resolved, must would be wrong about it from then on.
//   - A settlement under a live claim whose entry was changed by an overlay or by
//     a late settlement is joined, not taken as the last word: nobody knows which
//     message the receiver got last. Claim.Rev tells the two cases apart.
//   - A late settlement of a claim that expired and had no successor is the last
//     word after all.
//   - Overlays are joined by what their senders knew, and not by the order in
//     which they come (see Merge). Adopting the first and joining the others is
//     not independent of the order once a node has two overlays, or once their
//     bases differ.
//   - An overlay that reports a message sent under a claim is that claim's
//     settlement, whichever of the two comes first.
//   - A settlement without an outcome is quiet: it moves the sets and nothing
//     else. An overlay without one makes no row of the history.
//   - Resolved keeps everything that the receiver was last told is resolved,
//     within bounds, over the end of the group: a node that still holds an older
//     resolved alert stays quiet about it.
//   - What a person changes comes wrapped with who asked and with the words that
//     the audit has for it. They are the proposer's, so that programs of two
//     versions write the same row; a token makes one row of a repeated proposal.
//   - Revisions start above those of dropped entries, so that none comes twice
//     for a key.
//
// The package never looks at a clock, at chance, at the order of a map, at a
// regular expression or at a template; a test sees to that. What an entry of
// the log needs of these, its proposer put into it. It knows the store and the
// commands. It must not know Raft, peers, or who sends what to whom.
//
// Invariants: I4, I5, I6, I8 are kept here, I14 (visible when acknowledged) by
// WaitApplied.
package fsm
