// Package alert keeps the alerts that are burning: what they are, how two
// updates of one alert become one, and how they come in from a POST body.
//
// It owns the label vocabulary (Symbol, Label, Labels), the immutable Alert,
// the Store with one Record per label set, the Decoder of the API's body, and
// the Filter of the API's matchers. It must not know routes, groups, silences,
// the ledger, HTTP, or any other node: it takes the time as an argument, starts
// no goroutine but the one its caller runs (Store.Run), and does no I/O.
//
// # How an alert is kept
//
// Label names and values are interned: alerts share most of them. Annotations
// are one packed string, because their values are mostly an alert's own and an
// interned string costs more than it saves when nobody shares it. There is no
// map per alert.
//
// # One order of updates per label set
//
// A Record is updated under the lock of its shard, so the order in which
// updates of one label set take effect is the same for every reader. An older
// update never undoes a newer one (I17): updates posted here are ordered by
// their time of arrival, updates heard from other nodes by UpdatedAt, and where
// two of those are equal by content, so that every node ends with the same.
//
// # A restart
//
// Restored is what a process makes of an alert that the one before has saved. Its
// source may have had something to say while nobody was there to hear it, so it
// gets the time to say it again; meanwhile the alert is Kept. Subscribe tells who
// saves alerts, or passes them on, of every change; Drifted which refreshes a
// restart need not know of.
//
// Invariants: I17 (no older state after a newer one); I1 as far as an alert
// that was acknowledged must not be lost before its groups have let it go
// (Record.Hold).
package alert
