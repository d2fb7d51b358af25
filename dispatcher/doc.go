// Package dispatcher turns alerts into notifications: it groups them, decides
// what their receivers have to be told and when, and sees to it that one node of
// the cluster tells them, or that every node does where there is no quorum.
//
// It owns the groups and their timer, dedup, the node's side of claims and
// leases, and what is done without a quorum. It must not know Raft, bbolt,
// gossip or HTTP: it declares Ledger, Peers, Overlay and Silences and gets
// adapters. Alerts, configuration, routes, inhibition, silences and sending are
// sub-packages of their own.
//
// # Groups
//
// A configuration's reign is an epoch; a reload begins a new one, in which all
// groups are formed anew from the store. A group holds records of the store, not
// copies, so there is one truth about an alert. All groups are in one schedule
// with one goroutine and a few workers. A tick looks at the group, makes an
// immutable view of it, and offers that to the group's deliveries, one for each
// integration. Messages are about views, so what fires between two ticks waits
// for the next, whoever sends and however often it has to be tried.
//
// A group lets a resolved alert go when every integration was told, or did not
// have to be, by a view that has it as resolved. A view that is still to be told
// keeps all its alerts; a new view takes its place at the next tick, and the
// delivery goes on from there.
//
// Nothing of a group outlives the process: after a restart its first tick is when
// the ledger would let it tell something, and the next a group interval after the
// last telling. Alerts that were kept over the restart (alert.Restored) inhibit
// and stay, but are no news before their source has spoken.
//
// # Deliveries
//
// A delivery with nothing to tell has neither goroutine nor timer. Otherwise it
// decides again and again what is next, from nothing but what this node knows
// now: the ledger's entry with the overlays that are not in it yet, the view,
// the quorum, the ranks. So there is no state that could go stale; pace, the
// little that is remembered, only says when.
//
//	quiet    the entry says that the receiver knows: the view is concluded
//	wait     for the turn, another's claim, a back-off; each change of the key,
//	         each new view and each second wakes it up
//	claim    ask the ledger; when granted look again at alerts, silences,
//	         inhibition and time intervals, narrow the message to what is left,
//	         send while the lease lasts, settle or release
//	alone    the same without a quorum: keep an overlay in doubt, send, keep and
//	         announce that it was told
//
// Waits of up to two seconds keep their goroutine, longer ones are parked in the
// schedule. Goroutines are thus bounded by the deliveries that have something to
// tell at the moment, and requests by Options.MaxSends, of which one integration
// gets a quarter.
//
// # What the receiver knows
//
// Must, Maybe and Resolved of an entry are all the memory there is about a
// receiver, so it survives restarts and is the same on all nodes. Two rules keep
// pages from being lost where Alertmanager loses them:
//
// An alert that resolves while it is silenced, inhibited or outside of its hours
// is let go without a word, as in Alertmanager. Its hash must not stay in Must
// then, or its next firing would count as told. So it is moved to Maybe by a
// quiet settlement, a claim for the rest of Must on which nothing is sent. That
// uses no clock and no memory of the process.
//
// A try that failed may have arrived. The ledger puts its alerts in doubt, so
// that what was resolved is told as such even if it never was told as firing,
// and what fires again after a resolved message in doubt pages again.
//
// Where the integration wants no resolved alerts the log is kept as
// Alertmanager keeps it: an alert that comes back while others of its group fire
// on is told at the repeat interval.
//
// # Clocks
//
// Waits, leases and turns run by the monotonic clock; a lease also by the wall
// clock, whichever is further. A time from another node (NotBefore) is believed
// for no longer than the group interval. An entry stamped in the future does not
// hold repeats back; the ledger, which has one clock, keeps them apart (I16).
//
// # Without a quorum
//
// cut counts the waits from when the quorum was last there for certain, so each is
// paid once a cut (I10). With others in the cluster the tongue is held for the peer
// timeout, and what a heal takes, in any case, also where gossip still sees a majority or a leader is known that answers
// nothing: gossip misses a node only after five to ten seconds, so that in each
// cut the first ranks of both sides would tell before it has. Each loss is waited
// out by itself, because what the others told gets through in between; but what is
// due waits once, or a quorum that comes and goes would keep it for ever (pace).
// While the others are heard to have a quorum, and alerts are compared with them,
// telling is left to them.
//
// A node that sees none of the others judges alerts as of when it last heard a
// source, so what inhibited goes on to; and a node that is not in step with the
// others calls nothing resolved that only was not heard of again (hearing, I17).
//
// Turns there are the peer timeout apart. What a node is still sending by then, to a
// receiver that takes so long to answer, the next one does not know of, and tells
// as well: under the same ID, and better than to wait for an answer that may never
// come.
//
// What certainly did not get out leaves no overlay, so a node that lost its whole
// network puts nothing in doubt for the others when it is back.
//
// # Standing still
//
// A process may be stopped at any point and go on later. fence is asked before
// each try, and again by package notify when there is a connection, right before
// the request is written: has the lease ended, has the entry changed, have others
// told. What then is kept back is decided anew.
//
// # After a start
//
// outbox remembers beyond the process which sends were begun and which arrived.
// restart settles those that arrived, counts them as told until the ledger does,
// leaves those that were begun to the expiry of their claims, and gives back
// claims without a record at once: with the doubt rule, so nothing hangs on
// whether a record came to the disk in time.
//
// # Second messages
//
// A message about alerts in doubt says why in the log, with its delivery ID, and
// its row of the history has ReasonDoubt (I3). Its own reason is Alertmanager's.
//
// Invariants: I1, I2, I3 (delivery IDs are made of the ledger's generation), I7
// (the grant is read from this node's own state before the alerts are looked at
// again), I8 (belief), I9 (lease), I10, I12 (turns), I13 (no claim outlives its
// epoch unsent), I16, I17, I18.
package dispatcher
