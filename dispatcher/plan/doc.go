// Package plan says what would change if a cluster ran another configuration
// now: which alerts would go elsewhere, who would be told something, and who
// would not hear the end of what it was told.
//
// It owns the comparison of two compiled configurations over the alerts of this
// moment. It must not know where alerts, silences and the ledger come from, nor
// how a configuration is applied: it is given all of them, and changes none.
//
// It looks at one moment. What is told in the end hangs on the groups' timers,
// which a new configuration starts anew, on time intervals, and on what comes in
// meanwhile; so a plan is as good as a look out of the window.
package plan
