package cluster

import (
	"log/slog"
	"net"
	"sync"
)

// maxHellos bounds the hellos under way on one listener, maxHellosFrom those with
// one address; more connections are closed at once. A stranger with a handful of
// connections must not keep the members out.
const (
	maxHellos     = 64
	maxHellosFrom = 16
)

// welcomed is a listener of connections that have been welcomed.
type welcomed struct {
	listener net.Listener
	welcome  func(net.Conn) (net.Conn, error)
	log      *slog.Logger
	conns    chan net.Conn
	done     chan struct{}
	wg       sync.WaitGroup

	mu      sync.Mutex          // guards the rest
	pending map[net.Conn]string // by connection the host that it comes from
	closed  bool
}

func newWelcomed(l net.Listener, welcome func(net.Conn) (net.Conn, error), log *slog.Logger) *welcomed {
	w := &welcomed{
		listener: l,
		welcome:  welcome,
		log:      log,
		conns:    make(chan net.Conn),
		done:     make(chan struct{}),
		pending:  make(map[net.Conn]string),
	}
	w.wg.Go(w.run)
	return w
}

func (w *welcomed) run() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			w.stop()
			return
		}
		if w.enlist(c) {
			w.wg.Go(func() { w.take(c) })
		} else {
			_ = c.Close()
		}
	}
}

func (w *welcomed) take(c net.Conn) {
	known, err := w.welcome(c)
	w.mu.Lock()
	delete(w.pending, c)
	w.mu.Unlock()
	if err != nil {
		w.log.Debug("connection refused", "remote", c.RemoteAddr(), "err", err)
		_ = c.Close()
		return
	}
	select {
	case w.conns <- known:
	case <-w.done:
		_ = known.Close()
	}
}

func (w *welcomed) enlist(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.pending) >= maxHellos {
		return false
	}
	from, same := c.RemoteAddr().String(), 0
	if host, _, err := net.SplitHostPort(from); err == nil {
		from = host
	}
	for _, other := range w.pending {
		if other == from {
			same++
		}
	}
	if same >= maxHellosFrom {
		return false
	}
	w.pending[c] = from
	return true
}

// stop ends all hellos.
func (w *welcomed) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	close(w.done)
	for c := range w.pending {
		_ = c.Close()
	}
}

// Accept waits for the next welcomed connection.
func (w *welcomed) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}

// Close stops accepting and waits for the hellos that are under way.
func (w *welcomed) Close() error {
	w.stop()
	err := w.listener.Close()
	w.wg.Wait()
	return err
}

// Addr is what is listened on.
func (w *welcomed) Addr() net.Addr { return w.listener.Addr() }
