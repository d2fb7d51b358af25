package mux

import (
	"net"
	"sync"
)

// listener is one protocol's share of a Mux.
type listener struct {
	mux   *Mux
	name  string
	conns chan net.Conn
	done  chan struct{} // closed under mux.mu
}

// Accept waits for the next connection that wants this protocol.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, ErrClosed
	}
}

// Close gives the protocol up; the mux itself goes on.
func (l *listener) Close() error {
	l.mux.mu.Lock()
	defer l.mux.mu.Unlock()
	if l.mux.listeners[l.name] == l {
		delete(l.mux.listeners, l.name)
		l.closeLocked()
	}
	return nil
}

func (l *listener) closeLocked() {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
}

// Addr is the mux's address.
func (l *listener) Addr() net.Addr { return l.mux.Addr() }

// trackedConn tells the mux when it is closed.
type trackedConn struct {
	net.Conn
	once    sync.Once
	release func()
}

// Close closes the connection and takes it off the mux's list.
func (c *trackedConn) Close() error {
	c.once.Do(c.release)
	return c.Conn.Close()
}
