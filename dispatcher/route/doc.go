// Package route decides which routes an alert takes and into which group it
// falls on each.
//
// It owns the routing tree compiled from Alertmanager's configuration, the
// matching of an alert's labels against it, and the keys that routes and groups
// are known by. It must not know alerts beyond their labels, the ledger,
// receivers beyond their names, or any state: a Tree is immutable and may be
// used by any number of goroutines.
//
// # The same as Alertmanager
//
// Keys, IDs, indices, the order of matches, the inheritance of options and the
// text of a group key are Alertmanager's to the letter: webhooks carry the group
// key, PagerDuty and Opsgenie name incidents by its hash, and an imported
// notification log is looked up by it. A property test compares the two.
//
// # Where it differs
//
// Matching looks at interned labels without building a map, and a regular
// expression that only lists literals or only asks for a prefix is not run.
// Routes with the same key and receiver share a group key in Alertmanager, so
// their groups take each other's place in its log; LedgerKey keeps them apart.
//
// Invariants: I1 (an alert that matches no child belongs to its parent, so no
// alert is without a route), I2 (one ledger key belongs to one group).
package route
