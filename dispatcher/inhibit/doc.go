// Package inhibit says which alerts are inhibited by which others.
//
// It owns the compiled rules and, for each, the index of its source alerts. It
// must not know routes, groups, or the ledger; it is told of alerts by Observe
// and looks at their records, so the state it judges by is always the one that
// the store has.
//
// # Sources
//
// Whether an alert can be a source depends on its labels only, so a record is
// filed once, however often the alert is refreshed. Each rule files its sources
// by the values of its equal labels, and keeps all of them: a target is let go
// when the last one is over, not the last one that was heard of. Observe returns
// when the source is filed; a group that gets an alert after that cannot miss
// it.
//
// A source that has been over for a while is forgotten when it is met, or by
// Sweep; Observe files it again when it fires again. The while is long enough
// that an update on its way cannot be overtaken by the forgetting.
//
// # The same as Alertmanager
//
// Rules are asked in order and the first that has a source decides. A missing
// label equals an empty one. If the target matches the rule's source side too,
// sources that match both sides do not count, so alerts cannot inhibit each
// other in circles through one rule. A rule without matchers is legal and,
// since everything matches both its sides, inhibits nothing.
//
// Invariants: I1 (an alert is not held back by sources that are over).
package inhibit
