package clustertest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
)

// Host is one machine on a Network. Only IPv4 addresses are understood.
type Host struct {
	net  *Network
	ip   string
	life int
}

// IP is the host's address.
func (h *Host) IP() string { return h.ip }

// Address is the host's address with a port.
func (h *Host) Address(port int) string { return net.JoinHostPort(h.ip, strconv.Itoa(port)) }

// Listen accepts streams on a port. A port that is listened on is an error.
func (h *Host) Listen(port int) (net.Listener, error) {
	if err := h.living(); err != nil {
		return nil, err
	}
	address := h.Address(port)
	l := &listener{net: h.net, address: address, backlog: make(chan *conn, 64), done: make(chan struct{})}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.net.listeners[address] != nil {
		return nil, fmt.Errorf("listen on %s: address already in use", address)
	}
	h.net.listeners[address] = l
	return l, nil
}

// Dial opens a stream to host:port.
func (h *Host) Dial(ctx context.Context, address string) (net.Conn, error) {
	return h.net.dial(ctx, h, address)
}

// Resolve finds the addresses of a name made with Network.Name; of an IP,
// itself.
func (h *Host) Resolve(_ context.Context, host string) ([]string, error) {
	if net.ParseIP(host) != nil {
		return []string{host}, nil
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	ips, ok := h.net.names[host]
	if !ok {
		return nil, fmt.Errorf("lookup %s: no such host", host)
	}
	return ips, nil
}

type listener struct {
	net     *Network
	address string
	backlog chan *conn
	done    chan struct{}
	once    sync.Once
}

// Accept waits for the next stream.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close stops accepting and resets what was not accepted yet.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.net.mu.Lock()
		if l.net.listeners[l.address] == l {
			delete(l.net.listeners, l.address)
		}
		l.net.mu.Unlock()
		close(l.done)
		for {
			select {
			case c := <-l.backlog:
				_ = c.Close()
			default:
				return
			}
		}
	})
	return nil
}

// Addr is what is listened on.
func (l *listener) Addr() net.Addr { return addr(l.address) }

// addr is an IP:port as a net.Addr.
type addr string

// Network is what TCP addresses say.
func (a addr) Network() string { return "tcp" }

// String is IP:port.
func (a addr) String() string { return string(a) }
