// Package exchange keeps the alerts of all nodes the same: what is posted to one
// of them, behind a load balancer or by a source that reaches no other, is on all
// within milliseconds, and a node that was away gets what it missed.
//
// It owns the protocol between two nodes, what is told when, and the bounds on
// all of it. It must not know what an alert is: it works on States (hash, end,
// time of update, checksum) and bodies that the Store writes and reads, and the
// Store merges. Nor does it know how nodes find or authenticate each other: it
// gets peers, a dial function and a listener.
//
// # What is told when
//
// Transitions (new, changed, resolved) are pushed with their bodies, at once and
// all that are waiting together; what comes while a push is under way goes with
// the next. Refreshes are told every second, as states of 32 bytes without
// bodies: where nothing but the end has moved the peer moves it too, and only if
// it knows the alert otherwise it asks for the body. A refresh of an alert that
// would be over at a peer within seconds does not wait for its second. Where all
// sources reach all nodes there are thus no bodies for refreshes at all. The
// message of each second goes out even if it is empty: it finds out that a peer
// is gone, or has begun a new life.
//
// The comparison brings everything else: checksums of 1024 buckets, then listings
// of those that differ, then what either side lacks, in both directions. It is
// done when a peer is first reached, whenever it was out of reach, when the peer
// or this process was restarted or stopped for a while, when a queue overflowed,
// and once a minute for no reason. That last one leaves out what was updated
// during the last 30 s, because where thousands of alerts are refreshed some are
// always on their way.
//
// What peers tell is not told on. A peer that somebody else does not reach is
// named in that node's messages; who reaches it then compares with it about once
// a second, and so the two get each other's alerts through a third. A peer that
// answers but never asks is compared with in the same way: it does not reach us.
//
// # Queues
//
// One feed holds the hashes of what has changed here, transitions and refreshes
// apart, each bounded; each peer has a position in it. So a peer that is slow,
// hung or cut costs no memory and holds nobody up. One for which refreshes were
// dropped, or transitions, is compared with: nothing is lost, and both are
// counted. Transitions go before refreshes. A message has the newest state of an
// alert, never an older one after a newer one.
//
// # Merging
//
// Which state is newer is the Store's rule: the later time of update, and where
// two are equal something that is the same on all nodes. What peers tell is not
// told on, except where the merge makes something that neither of the two had,
// such as the newer state with an earlier start: then all are told. So nodes that
// hear each other end with the same alerts to the last bit.
//
// Alerts that are over are told as transitions, and to nodes that have an older
// state. To a node that does not know them they are offered only while somebody
// still has to be told of their end (Entry.Offer); else a node that has let one
// go would get it back.
//
// # Clocks
//
// A post is stamped by the node that takes it in, and is always newer than all
// that this node has heard of. So the order in which one alert's sources speak
// to nodes in step is kept, however their clocks differ. It can be reversed only
// by posts to two nodes that follow each other faster than they are exchanged
// (milliseconds for a transition, a second for a refresh) or during a cut: then
// the node whose clock is ahead wins. Of a resolve that is posted to a node 2 s
// behind, while a refresh posted elsewhere is not there yet, this means that the
// alert fires on, everywhere, until the source repeats the resolve or the end of
// the refresh is reached: late, but never a resolve that was not meant. Of a
// firing state that is posted to a node behind, right after a resolve elsewhere
// that has not come there, it means that the alert is over until its source
// speaks again. The cluster's clock keeps nodes together better than that.
//
// # Bounds that are known
//
// An alert that this node keeps, and a peer does not because of its limit of
// alerts of one name, is offered to it in every comparison. A resolved alert that
// a node has collected is forgotten there: if a peer was cut off since before it
// resolved, and was told of an end far in the future, it fires again until then.
//
// Invariants: I17 (a refresh that reaches one node reaches its peers before the
// alert times out there; an older state never replaces a newer one), I18 (no
// goroutine outlives Run, no connection a peer). For I1 and I2 a node can ask
// whether it hears what the others hear (Synced, InStep).
package exchange
