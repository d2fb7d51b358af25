// Package app puts a node together: store, state machine, cluster, dispatcher
// and HTTP API, from settings and a few things that tests replace (clock,
// transports, listeners).
//
// It owns the order in which a node starts and stops. Every resource puts its
// closer on one stack the moment it exists, and the stack is emptied from the
// top, so whatever was half built when something failed is taken down in
// order. It must not know any rule of alerting: it only knows who needs whom.
//
// What a node remembers for itself is saved by one goroutine for each kind of
// record (overlays in the cluster, outbox, alertSaver), so that a disk that hangs
// or is full holds up the file and nothing else. At start the alerts are loaded
// before anybody is heard and before groups are formed; see keepAlerts.
//
// At stop: HTTP is drained for at most five seconds, the dispatcher finishes or
// gives back what it holds, leadership is handed over, gossip is left, files
// are closed.
package app
