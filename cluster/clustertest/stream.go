package clustertest

import (
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// maxBuffered bounds what a stream holds that was not read yet.
const maxBuffered = 64 << 10

// conn is one end of a stream.
type conn struct {
	net           *Network
	local, remote string // IP addresses
	in, out       *half
	once          sync.Once
	rd, wr        *deadline
}

// newPipe is a stream from a host to an address. n.mu is held.
func newPipe(n *Network, from, address string) (*conn, *conn) {
	to, port := hostOf(address), portOf(address)
	there, back := newHalf(n, link{from, to, port}), newHalf(n, link{to, from, port})
	there.resets = n.resets[to]
	a := &conn{net: n, local: from, remote: to, in: back, out: there, rd: newDeadline(), wr: newDeadline()}
	b := &conn{net: n, local: to, remote: from, in: there, out: back, rd: newDeadline(), wr: newDeadline()}
	return a, b
}

// Read takes what has arrived.
func (c *conn) Read(p []byte) (int, error) { return c.in.read(p, c.rd) }

// Write sends p.
func (c *conn) Write(p []byte) (int, error) { return c.out.write(p, c.wr) }

// Close ends both directions; the other end reads what was sent before.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.net.mu.Lock()
		delete(c.net.conns, c)
		c.net.mu.Unlock()
		c.out.finish()
		c.in.abandon()
	})
	return nil
}

// LocalAddr is this end's IP, without a port worth speaking of.
func (c *conn) LocalAddr() net.Addr { return addr(c.local + ":1") }

// RemoteAddr is the other end's IP, without a port worth speaking of.
func (c *conn) RemoteAddr() net.Addr { return addr(c.remote + ":1") }

// SetDeadline bounds reads and writes.
func (c *conn) SetDeadline(t time.Time) error {
	c.rd.set(t)
	c.wr.set(t)
	return nil
}

// SetReadDeadline bounds reads.
func (c *conn) SetReadDeadline(t time.Time) error { c.rd.set(t); return nil }

// SetWriteDeadline bounds writes.
func (c *conn) SetWriteDeadline(t time.Time) error { c.wr.set(t); return nil }

// half is one direction of a stream.
type half struct {
	net  *Network
	link link
	// resets: what has not arrived is lost when the writer closes.
	resets bool

	mu        sync.Mutex // guards the rest
	chunks    []chunk
	size      int
	finished  bool // the writer closed
	abandoned bool // the reader closed
	changed   chan struct{}
}

type chunk struct {
	data  []byte
	ready time.Time
}

func newHalf(n *Network, l link) *half {
	return &half{net: n, link: l, changed: make(chan struct{})}
}

// wakeLocked lets whoever waits look again. h.mu is held.
func (h *half) wakeLocked() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *half) finish() {
	f, _ := h.net.state(h.link)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.finished = true
	if h.resets {
		h.chunks = slices.DeleteFunc(h.chunks, func(c chunk) bool { return f.cut || c.ready.After(time.Now()) })
	}
	h.wakeLocked()
}

func (h *half) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.abandoned = true
	h.chunks, h.size = nil, 0
	h.wakeLocked()
}

func (h *half) read(p []byte, d *deadline) (int, error) {
	for {
		f, linkChanged := h.net.state(h.link)
		n, wait, changed, err := h.take(p, f.cut)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		if !d.wait(wait, changed, linkChanged) {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// take reads what is ready. Otherwise it says how long until something is (0 =
// nothing is on its way) and what is closed when that changes.
func (h *half) take(p []byte, cut bool) (n int, wait time.Duration, changed <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.abandoned:
		return 0, 0, nil, net.ErrClosed
	case cut:
		return 0, 0, h.changed, nil
	case len(h.chunks) == 0 && h.finished:
		return 0, 0, nil, io.EOF
	case len(h.chunks) == 0:
		return 0, 0, h.changed, nil
	}
	first := &h.chunks[0]
	if wait = time.Until(first.ready); wait > 0 {
		return 0, wait, h.changed, nil
	}
	n = copy(p, first.data)
	first.data = first.data[n:]
	h.size -= n
	if len(first.data) == 0 {
		h.chunks = h.chunks[1:]
	}
	h.wakeLocked()
	return n, 0, nil, nil
}

func (h *half) write(p []byte, d *deadline) (int, error) {
	written := 0
	for {
		f, linkChanged := h.net.state(h.link)
		n, changed, err := h.put(p[written:], f)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
		if !d.wait(0, changed, linkChanged) {
			return written, os.ErrDeadlineExceeded
		}
	}
}

func (h *half) put(p []byte, f fault) (int, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.finished:
		return 0, nil, net.ErrClosed
	case h.abandoned && !f.cut:
		return 0, nil, io.ErrClosedPipe
	}
	n := min(len(p), maxBuffered-h.size)
	if n > 0 && !h.abandoned {
		h.chunks = append(h.chunks, chunk{append([]byte(nil), p[:n]...), time.Now().Add(f.delay + h.net.again(f))})
		h.size += n
		h.wakeLocked()
	}
	return n, h.changed, nil
}

// resendAfter is how long what was lost on a stream takes until it is sent
// again, and maxResends how often that is needed at most.
const (
	resendAfter = 200 * time.Millisecond
	maxResends  = 5
)

// again is the delay from what is lost on a stream and sent again.
func (n *Network) again(f fault) time.Duration {
	if f.loss <= 0 {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delay := time.Duration(0)
	for wait := resendAfter; delay < maxResends*resendAfter && n.rng.Float64() < f.loss; wait *= 2 {
		delay += wait
	}
	return delay
}
