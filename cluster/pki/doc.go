// Package pki is who is who between nodes: the cluster's own certificate
// authority, the certificates of its nodes, join tokens, and the rings of keys
// that are replaced one step at a time.
//
// It is pure: it reads no clock, no file and no network. What it makes is
// either refused with a reason that a person understands, or right.
//
// A node's certificate names its cluster and its ID in one URI,
// tocsin://<cluster>/<node>, and is signed by an authority of the cluster
// directly; there is nothing in between. Host names and addresses are not in it,
// because a node is its ID and may move.
//
// A join token proves that both sides know the same secret without either
// telling it: see Proof. What the cluster keeps of a token is the key that is
// derived from it.
//
// It must not know Raft, gossip or connections.
package pki
