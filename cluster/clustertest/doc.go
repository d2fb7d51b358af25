// Package clustertest is a network in memory, for tests of whole nodes inside a
// testing/synctest bubble: packets and streams between hosts that can be cut,
// healed, slowed down and made lossy per direction.
package clustertest
