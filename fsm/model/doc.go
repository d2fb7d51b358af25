// Package model is the vocabulary of Tocsin's replicated state: the words that
// the state machine, the dispatcher, the cluster and the HTTP API share.
//
// It owns the shapes of silences, ledger entries, claims, overlays, config
// versions, delivery history, records and audit rows, and the set algebra on alert hashes. It is a
// leaf: it imports nothing of ours, does no I/O, and never looks at a clock or
// at chance. Whoever needs the time passes it in, as milliseconds since the
// Unix epoch (type Millis), so that a value means the same on every node.
//
// Values handed out by a read view are shared between goroutines. They are
// immutable by contract: to change one, copy it with Clone first.
//
// Invariants it carries the words for: I4 (one live claim a key), I8
// (must ⊆ told ⊆ must ∪ maybe).
package model
