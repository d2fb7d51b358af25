package mux

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// ErrNotTLS says that a connection began with what is not TLS. It was told so.
var ErrNotTLS = errors.New("it speaks no TLS, and this port speaks nothing else")

// ErrOtherPort says that what listens at an address speaks no TLS.
var ErrOtherPort = errors.New("what listens there speaks no TLS; is it the port between nodes, 9095 unless it was changed?")

// notTLS is what such a connection is told: who sees it has a wrong address, in
// a browser, in a probe or in a flag.
const notTLS = "This is the port between Tocsin's nodes. It speaks TLS, for nodes with a certificate of the cluster only. " +
	"The API is on another port, 9093 unless it was changed.\n"

// explainTLS says on a connection that is about to be closed what this port is.
func explainTLS(c net.Conn, began [5]byte) {
	text := notTLS
	if looksLikeHTTP(began[:]) {
		text = fmt.Sprintf("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
			len(notTLS), notTLS)
	}
	_ = c.SetDeadline(time.Now().Add(lingerTime))
	if _, err := io.WriteString(c, text); err != nil {
		return
	}
	Linger(c)
}

// looksLikeHTTP reports whether a connection began as an HTTP/1 request does.
func looksLikeHTTP(began []byte) bool {
	for _, m := range []string{"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH "} {
		if n := min(len(m), len(began)); bytes.Equal(began[:n], []byte(m[:n])) {
			return true
		}
	}
	return false
}

const (
	lingerTime  = time.Second
	lingerBytes = 16 << 10
)

// Linger waits a moment for the other side to read what it was told before the
// connection is closed: a TCP connection that is closed while bytes wait to be
// read is reset, and what was said last is lost with it.
func Linger(c net.Conn) {
	c = untracked(c)
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.SetDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, c, lingerBytes)
}

// Handshaken is what TLS knows of a connection from a Mux or a Dialer; false if
// it has none.
func Handshaken(c net.Conn) (tls.ConnectionState, bool) {
	t, ok := untracked(c).(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return t.ConnectionState(), true
}

func untracked(c net.Conn) net.Conn {
	if t, ok := c.(*trackedConn); ok {
		return t.Conn
	}
	return c
}
