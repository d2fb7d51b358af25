// Package trust is what a node shows the others and what it believes of them:
// its certificate, the authorities of its cluster, who was removed.
//
// A node without a certificate speaks TLS with a provisional one that says
// nothing. It gets a real one by enrolling, which is the cluster's affair, and
// keeps it. From then on it follows the authorities in the replicated state: it
// trusts all of them, and signs its own certificate with the one in use. Every
// member can do that, because the state that it holds has the authority's key;
// so certificates are renewed without asking anybody, also by machines that were
// switched off for a year, all of them, and by the last one that is left.
//
// Certificates are vetted after the handshake and not by it: TLS proves that the
// other side has the key, this package says whether it is welcome, and who is
// not is told why in words. TLS itself has only numbers for that.
//
// With the operator's own certificates (--cluster.tls-config) the handshake does
// it all and nobody enrols.
//
// It must not know Raft, gossip, nor how certificates are asked for.
package trust
