package gossip

import (
	"context"
	"fmt"
	"log"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// hangUp is a Transport whose calls end when it is shut down. memberlist knows
// no contexts: without this a node would wait out the connect timeout of a dead
// peer before it could stop.
type hangUp struct {
	memberlist.Transport
	ctx    context.Context
	cancel context.CancelFunc
	tcp    bool // dial by ourselves, so that it can be cancelled

	mu    sync.Mutex
	conns map[*heldConn]struct{}
}

func newHangUp(t memberlist.Transport) *hangUp {
	ctx, cancel := context.WithCancel(context.Background())
	_, tcp := t.(*memberlist.NetTransport)
	return &hangUp{Transport: t, ctx: ctx, cancel: cancel, tcp: tcp, conns: make(map[*heldConn]struct{})}
}

// DialTimeout opens a stream.
func (h *hangUp) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	c, err := h.dial(addr, timeout)
	if err != nil {
		return nil, err
	}
	held := &heldConn{Conn: c, owner: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		_ = c.Close()
		return nil, h.ctx.Err()
	}
	h.conns[held] = struct{}{}
	return held, nil
}

func (h *hangUp) dial(addr string, timeout time.Duration) (net.Conn, error) {
	if !h.tcp {
		return h.Transport.DialTimeout(addr, timeout)
	}
	d := net.Dialer{Timeout: timeout}
	return d.DialContext(h.ctx, "tcp", addr)
}

// Shutdown hangs up everywhere and shuts the transport down.
func (h *hangUp) Shutdown() error {
	h.cancel()
	h.mu.Lock()
	for c := range h.conns {
		_ = c.Conn.Close()
	}
	clear(h.conns)
	h.mu.Unlock()
	return h.Transport.Shutdown()
}

type heldConn struct {
	net.Conn
	owner *hangUp
}

// Close closes the stream and forgets it.
func (c *heldConn) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.conns, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

// listen binds tcp and udp to the same port. For port 0 the kernel's choice for
// tcp may be taken for udp, so it is tried a few times.
func listen(ip string, port int, logger *log.Logger) (*memberlist.NetTransport, error) {
	tries := 1
	if port == 0 {
		tries = 10
	}
	var err error
	for range tries {
		var t *memberlist.NetTransport
		t, err = memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{ip},
			BindPort:  port,
			Logger:    logger,
		})
		if err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("listen for gossip on %s: %w", net.JoinHostPort(ip, fmt.Sprint(port)), err)
}
