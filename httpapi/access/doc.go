// Package access says who may do what over HTTP: roles, the table of routes with
// the role that each needs, API tokens, what nobody in particular may do, and the
// name under which the audit has a request.
//
// Without a token in the cluster a node answers as Alertmanager does: whoever
// reaches it may read, post alerts and change silences. Tocsin's own API then
// gives everybody only what changes nothing and tells of nobody; the rest is for
// the node's own machine: loopback, or the admin socket.
//
//   - A secret has 256 random bits. What the cluster keeps is its SHA-256: a slow
//     hash such as bcrypt makes guessing dear, and here there is nothing to guess,
//     while every POST of alerts would pay for it.
//   - Tokens are looked up in this node's own state: they work without a quorum,
//     and one that is revoked is refused as soon as the node has applied that.
//   - A credential that is given counts, and is not helped by where it comes
//     from: a wrong one is refused on the node's own machine, too. Without one,
//     that machine may do all, so that nobody locks himself out.
//   - A forwarding header never makes a request local, and makes none local that
//     came over loopback: then a proxy speaks for somebody else. The host asked
//     for must be loopback, too.
//   - Secrets are in no log, no answer but the one that makes them, and no row of
//     the audit.
//
// The package knows no Raft and no store. It gets records through an interface.
package access
