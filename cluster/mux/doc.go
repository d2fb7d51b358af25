// Package mux is the one TCP port that nodes talk to each other on.
//
// A connection says first which protocol it wants: with TLS by ALPN, in the
// clear by a short preamble. The mux hands it to that protocol's listener. With
// TLS no byte is read or written before the handshake, and the server's
// configuration is asked for anew on every handshake, so certificates can be
// replaced without a restart.
//
// A connection that has not said what it wants within the handshake timeout is
// closed, only a bounded number may be in that state, and all that were accepted
// are closed with the mux, so that nothing reads from a dead node for ever.
//
// What speaks no TLS where TLS is wanted is told so in plain text, a browser in
// HTTP. Certificates are for the protocols' owners to judge (see Handshaken).
//
// It must not know what the protocols mean, nor who the peers are.
package mux
