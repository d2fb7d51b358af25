// Package httpapi is the HTTP side of a node: Alertmanager's API v2 (package
// v2), the calls of its API v1 that are still in use (package v1), Tocsin's own
// API (package admin), a status page (package ui), health, metrics and reload. Who
// may ask what is decided by package access, for all of them.
//
// It owns routing, the limits that every request meets (concurrent GETs, time,
// size of bodies and queries, bytes of bodies held at once), cross-origin
// rules, request metrics and the listeners' TLS and authentication, which come
// from exporter-toolkit. It declares what it needs of the rest of the program
// as narrow interfaces and knows neither Raft nor gossip nor the files on disk.
//
// What it keeps:
//
//   - A POST of alerts never waits for the cluster or for a disk: it is
//     answered out of this node's memory, with or without a quorum.
//   - Reads never need a quorum. A write without one is refused at once with
//     503, a sentence that says who leads, and Retry-After (package refusal).
//   - Health checks and metrics have no part in the limit on GETs, so that a
//     crowd of slow dashboards cannot make a node look dead.
//   - Every metric's labels are bounded: handlers are named by their route.
//   - No answer holds a secret of the configuration.
//   - An acknowledged write is visible on this node at once (I14): writers
//     return only after the local state has applied it.
package httpapi
