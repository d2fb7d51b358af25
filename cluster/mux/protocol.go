package mux

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// The protocols between nodes, as ALPN names. The number grows when a protocol
// changes so that old nodes cannot follow.
const (
	ProtocolRaft     = "tocsin-raft/1"
	ProtocolRPC      = "tocsin-rpc/1"
	ProtocolExchange = "tocsin-exchange/1"
	// ProtocolEnrol is for nodes that have no certificate yet.
	ProtocolEnrol = "tocsin-enrol/1"
)

// maxProtocolBytes bounds a protocol's name in the preamble; ALPN allows 255.
const maxProtocolBytes = 64

// The preamble of a connection without TLS: magic, one byte of length, the
// protocol's name. The first byte differs from that of a TLS record (0x16), so
// a node that expects the other kind notices at once.
const magic = "\x00tcs"

var (
	// ErrNotOurs says that a connection began with something else than the
	// preamble; perhaps a TLS handshake, where TLS is off.
	ErrNotOurs = errors.New("not a tocsin connection")
	// ErrUnknownProtocol says that nobody listens for the protocol here.
	ErrUnknownProtocol = errors.New("unknown protocol")
	// ErrClosed says that the mux or the protocol's listener was closed. It
	// wraps net.ErrClosed.
	ErrClosed = fmt.Errorf("mux closed: %w", net.ErrClosed)
)

func writePreamble(w io.Writer, protocol string) error {
	if len(protocol) == 0 || len(protocol) > maxProtocolBytes {
		return fmt.Errorf("protocol %q: %w", protocol, ErrUnknownProtocol)
	}
	b := append([]byte(magic), byte(len(protocol)))
	_, err := w.Write(append(b, protocol...))
	return err
}

func readPreamble(r io.Reader) (string, error) {
	var head [len(magic) + 1]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", fmt.Errorf("read preamble: %w", err)
	}
	n := int(head[len(magic)])
	if string(head[:len(magic)]) != magic || n == 0 || n > maxProtocolBytes {
		return "", ErrNotOurs
	}
	name := make([]byte, n)
	if _, err := io.ReadFull(r, name); err != nil {
		return "", fmt.Errorf("read preamble: %w", err)
	}
	return string(name), nil
}

// deadlineIn sets c's deadline, or clears it for d = 0.
func deadlineIn(c net.Conn, d time.Duration) error {
	if d == 0 {
		return c.SetDeadline(time.Time{})
	}
	return c.SetDeadline(time.Now().Add(d))
}
