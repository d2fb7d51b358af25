package mux

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Options say how a Mux accepts.
type Options struct {
	// Listener is owned by the mux from New on.
	Listener net.Listener
	// TLS is asked for the configuration of every handshake; nil means no
	// TLS. NextProtos is filled in by the mux.
	TLS func() (*tls.Config, error)
	// HandshakeTimeout bounds the time until a connection has said what it
	// wants. Default 5 s.
	HandshakeTimeout time.Duration
	// MaxUnidentified bounds the connections that have not said it yet; more
	// are closed at once, and so are more than half of it from one address: a
	// stranger must not keep the others out. Default 64.
	MaxUnidentified int
	// Stranger is called, from several goroutines, for a connection that began
	// with what is not TLS though TLS is wanted, or whose handshake failed. May
	// be nil.
	Stranger func(from net.Addr, err error)
	Logger   *slog.Logger // default: discard
}

// Mux accepts connections and hands each to the listener of its protocol.
type Mux struct {
	opts Options
	wg   sync.WaitGroup
	done chan struct{}

	mu        sync.Mutex // guards the rest
	listeners map[string]*listener
	conns     map[net.Conn]struct{}
	refused   uint64
	closed    bool

	// unidentified are the connections that have not said what they want, by
	// address; waiting is how many there are.
	unidentified map[string]int
	waiting      int
}

// maxAcceptFailures in a row, such as for want of file descriptors, are borne
// before the listener counts as broken.
const maxAcceptFailures = 1000

// New makes a mux over opts.Listener. It accepts nothing before Run.
func New(opts Options) *Mux {
	if opts.HandshakeTimeout <= 0 {
		opts.HandshakeTimeout = 5 * time.Second
	}
	if opts.MaxUnidentified <= 0 {
		opts.MaxUnidentified = 64
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Mux{
		opts:         opts,
		unidentified: make(map[string]int),
		done:         make(chan struct{}),
		listeners:    make(map[string]*listener),
		conns:        make(map[net.Conn]struct{}),
	}
}

// Addr is the address that is listened on.
func (m *Mux) Addr() net.Addr { return m.opts.Listener.Addr() }

// Protocol makes the listener for the named protocol. Closing it leaves the mux
// and the connections that it handed out alone; afterwards the protocol can be
// asked for anew. It is an error of the caller to ask twice at a time.
func (m *Mux) Protocol(name string) net.Listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listeners[name] != nil {
		panic(fmt.Sprintf("BUG: protocol %q is listened for twice", name))
	}
	l := &listener{mux: m, name: name, conns: make(chan net.Conn), done: make(chan struct{})}
	if m.closed {
		close(l.done)
		return l
	}
	m.listeners[name] = l
	return l
}

// Run accepts until ctx ends or the mux is closed, and returns when all of its
// goroutines have ended and all connections are closed.
func (m *Mux) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = m.Close() })
	defer stop()
	err := m.accept()
	closeErr := m.Close()
	m.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return closeErr
	}
	return err
}

func (m *Mux) accept() error {
	failures := 0
	for {
		c, err := m.opts.Listener.Accept()
		if err != nil {
			failures++
			if errors.Is(err, net.ErrClosed) || failures > maxAcceptFailures || !m.pause(50*time.Millisecond) {
				return fmt.Errorf("accept: %w", err)
			}
			m.opts.Logger.Warn("accepting a connection failed", "err", err)
			continue
		}
		failures = 0
		hasten(c)
		if !m.enlist(c) {
			m.countRefused()
			_ = c.Close()
			continue
		}
		if !m.track(c) {
			m.delist(c)
			_ = c.Close()
			continue
		}
		m.wg.Go(func() { m.serve(c) })
	}
}

// serve finds out what c wants and hands it on.
func (m *Mux) serve(raw net.Conn) {
	c, protocol, err := m.identify(raw)
	m.delist(raw)
	if err != nil {
		m.opts.Logger.Debug("connection refused", "remote", raw.RemoteAddr(), "err", err)
		m.countRefused()
		if m.opts.Stranger != nil {
			m.opts.Stranger(raw.RemoteAddr(), err)
		}
		m.drop(raw)
		return
	}
	tracked := &trackedConn{Conn: c, release: func() { m.forget(raw) }}
	if !m.hand(tracked, protocol) {
		m.countRefused()
		_ = tracked.Close()
	}
}

func (m *Mux) identify(raw net.Conn) (net.Conn, string, error) {
	if err := deadlineIn(raw, m.opts.HandshakeTimeout); err != nil {
		return nil, "", err
	}
	c, protocol, err := m.handshake(raw)
	if err != nil {
		return nil, "", err
	}
	return c, protocol, deadlineIn(raw, 0)
}

func (m *Mux) handshake(raw net.Conn) (net.Conn, string, error) {
	if m.opts.TLS == nil {
		protocol, err := readPreamble(raw)
		return raw, protocol, err
	}
	c := tls.Server(raw, &tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return m.serverConfig() },
	})
	if err := c.Handshake(); err != nil {
		var header tls.RecordHeaderError
		if errors.As(err, &header) && header.Conn != nil {
			explainTLS(raw, header.RecordHeader)
			return nil, "", ErrNotTLS
		}
		return nil, "", fmt.Errorf("tls handshake: %w", err)
	}
	protocol := c.ConnectionState().NegotiatedProtocol
	if protocol == "" {
		return nil, "", fmt.Errorf("tls handshake without ALPN: %w", ErrUnknownProtocol)
	}
	return c, protocol, nil
}

// serverConfig is the current configuration with the protocols that somebody
// listens for.
func (m *Mux) serverConfig() (*tls.Config, error) {
	cfg, err := m.opts.TLS()
	if err != nil {
		return nil, fmt.Errorf("load tls configuration: %w", err)
	}
	cfg = cfg.Clone()
	cfg.NextProtos = nil
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.listeners {
		cfg.NextProtos = append(cfg.NextProtos, name)
	}
	return cfg, nil
}

// hand gives c to the listener of protocol. A listener that accepts nothing for
// the handshake timeout gets nothing.
func (m *Mux) hand(c net.Conn, protocol string) bool {
	m.mu.Lock()
	l := m.listeners[protocol]
	m.mu.Unlock()
	if l == nil {
		m.opts.Logger.Debug("connection refused", "remote", c.RemoteAddr(), "protocol", protocol, "err", ErrUnknownProtocol)
		return false
	}
	wait := time.NewTimer(m.opts.HandshakeTimeout)
	defer wait.Stop()
	select {
	case l.conns <- c:
		return true
	case <-l.done:
	case <-m.done:
	case <-wait.C:
	}
	return false
}

// Refused counts connections that were closed before a protocol took them.
func (m *Mux) Refused() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refused
}

// Close stops accepting and closes every connection. It may be called at any
// time, more than once.
func (m *Mux) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	close(m.done)
	for _, l := range m.listeners {
		l.closeLocked()
	}
	for c := range m.conns {
		_ = c.Close()
	}
	return m.opts.Listener.Close()
}

func (m *Mux) track(c net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.conns[c] = struct{}{}
	return true
}

func (m *Mux) forget(c net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conns, c)
}

func (m *Mux) drop(c net.Conn) {
	m.forget(c)
	_ = c.Close()
}

func (m *Mux) countRefused() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused++
}

// pause waits for d and reports whether the mux still is open.
func (m *Mux) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-m.done:
		return false
	}
}

// enlist counts a connection that has not said what it wants, and reports whether
// there is room for it.
func (m *Mux) enlist(c net.Conn) bool {
	from := hostOf(c)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting >= m.opts.MaxUnidentified || m.unidentified[from] >= max(1, m.opts.MaxUnidentified/2) {
		return false
	}
	m.waiting++
	m.unidentified[from]++
	return true
}

func (m *Mux) delist(c net.Conn) {
	from := hostOf(c)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting--
	if m.unidentified[from]--; m.unidentified[from] <= 0 {
		delete(m.unidentified, from)
	}
}

func hostOf(c net.Conn) string {
	address := c.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}
