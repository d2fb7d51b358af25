package rpc

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// Client asks other nodes, over one connection each that is kept open. All
// methods may be called from several goroutines.
type Client struct {
	// Dial opens a connection to a peer.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// Lost is called, and must not block, when a connection that was open ended
	// without the client's doing. May be nil.
	Lost func(address string)
	// WriteTimeout bounds sending one question. Default 2 s.
	WriteTimeout time.Duration
	// IdleTimeout closes a connection that nothing was asked on for that
	// long. Default 5 min.
	IdleTimeout time.Duration

	mu     sync.Mutex // guards peers and closed
	peers  map[string]*peer
	closed bool
	wg     sync.WaitGroup
}

// MaxWaiting bounds the questions that wait for an answer of one peer.
const MaxWaiting = 1024

var (
	errClosed  = errors.New("rpc client is closed")
	errTooMany = errors.New("too many questions wait for this peer")
	errTooBig  = errors.New("question too large")
	errDeaf    = errors.New("peer has not been heard on this connection")
)

// Call asks the node at address and waits for its answer. Errors: *Refusal,
// ErrNotSent, ErrNoAnswer, the latter two with their cause.
func (c *Client) Call(ctx context.Context, address string, kind uint8, body []byte) ([]byte, error) {
	if len(body) > MaxBody {
		return nil, notSent(errTooBig)
	}
	// A kept connection may have been closed by the other side long ago. A
	// question that was certainly not sent on it is asked once more.
	p, fresh, err := c.peer(ctx, address)
	if err != nil {
		return nil, notSent(err)
	}
	answer, err := p.ask(ctx, kind, body)
	if errors.Is(err, ErrNotSent) && !fresh && ctx.Err() == nil && !errors.Is(err, errTooMany) {
		if p, _, err = c.peer(ctx, address); err != nil {
			return nil, notSent(err)
		}
		return p.ask(ctx, kind, body)
	}
	return answer, err
}

// Forget closes the connection to address; what waits on it gets ErrNoAnswer.
func (c *Client) Forget(address string) {
	c.mu.Lock()
	p := c.peers[address]
	c.mu.Unlock()
	if p != nil {
		p.fail(net.ErrClosed)
	}
}

// Close closes all connections and waits for their goroutines. Later calls get
// ErrNotSent.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	peers := make([]*peer, 0, len(c.peers))
	for _, p := range c.peers {
		peers = append(peers, p)
	}
	c.mu.Unlock()
	for _, p := range peers {
		p.fail(errClosed)
	}
	c.wg.Wait()
}

// peer is the connection to address, dialled if there is none. Who comes while
// somebody dials waits for the same connection.
func (c *Client) peer(ctx context.Context, address string) (_ *peer, fresh bool, err error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil, false, errClosed
	}
	if c.peers == nil {
		c.peers = make(map[string]*peer)
	}
	p := c.peers[address]
	if p == nil || p.hasFailed() {
		p, fresh = c.newPeer(address), true
		c.peers[address] = p
		c.wg.Go(func() { c.run(p) })
	}
	c.mu.Unlock()
	select {
	case <-p.ready:
		return p, fresh, p.dialErr()
	case <-ctx.Done():
		return nil, fresh, ctx.Err()
	}
}

func (c *Client) newPeer(address string) *peer {
	p := &peer{
		address: address,
		idle:    orDefault(c.IdleTimeout, 5*time.Minute),
		ready:   make(chan struct{}),
		waiting: make(map[uint64]chan frame),
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	return p
}

// run dials and then reads answers until the connection fails.
func (c *Client) run(p *peer) {
	defer func() {
		c.mu.Lock()
		if c.peers[p.address] == p {
			delete(c.peers, p.address)
		}
		c.mu.Unlock()
	}()
	conn, err := c.Dial(p.ctx, p.address)
	if err != nil {
		p.fail(err)
		close(p.ready)
		return
	}
	p.w = &lockedWriter{conn: conn, timeout: orDefault(c.WriteTimeout, 2*time.Second)}
	stop := context.AfterFunc(p.ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	close(p.ready)
	if p.fail(p.read(conn)) && c.Lost != nil {
		c.Lost(p.address)
	}
}

// peer is one connection.
type peer struct {
	address string
	idle    time.Duration
	ctx     context.Context // ends with the connection
	cancel  context.CancelCauseFunc
	ready   chan struct{} // dialled, or failed to
	w       *lockedWriter // set before ready is closed

	mu      sync.Mutex // guards the rest
	next    uint64
	waiting map[uint64]chan frame
	failed  error
	heard   time.Time // when something last came
}

// hasFailed: the connection is no good any more, though its goroutine may not
// have ended yet.
func (p *peer) hasFailed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed != nil
}

func (p *peer) dialErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return p.failed
	}
	return nil
}

func (p *peer) ask(ctx context.Context, kind uint8, body []byte) ([]byte, error) {
	asked := time.Now()
	id, answer, err := p.enlist()
	if err != nil {
		return nil, notSent(err)
	}
	defer p.delist(id)
	if whole, err := p.w.write(frame{id: id, kind: kind, body: body}); err != nil {
		p.fail(err)
		if whole {
			return nil, noAnswer(err)
		}
		// Half a frame may have arrived, which is no question.
		return nil, notSent(err)
	}
	select {
	case f := <-answer:
		return open(f)
	case <-ctx.Done():
		p.suspect(asked)
		return nil, noAnswer(ctx.Err())
	case <-p.ctx.Done():
		select {
		case f := <-answer:
			return open(f)
		default:
			return nil, noAnswer(context.Cause(p.ctx))
		}
	}
}

func open(f frame) ([]byte, error) {
	if v := Verdict(f.kind); v != VerdictOK {
		return nil, &Refusal{Verdict: v, Text: string(f.body)}
	}
	return f.body, nil
}

func (p *peer) enlist() (uint64, <-chan frame, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return 0, nil, p.failed
	}
	if len(p.waiting) >= MaxWaiting {
		return 0, nil, errTooMany
	}
	p.next++
	ch := make(chan frame, 1)
	p.waiting[p.next] = ch
	return p.next, ch, nil
}

func (p *peer) delist(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, id)
}

func (p *peer) read(conn net.Conn) error {
	r := bufio.NewReaderSize(conn, 64<<10)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(p.idle)); err != nil {
			return err
		}
		f, err := readFrame(r, nil)
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.heard = time.Now()
		ch := p.waiting[f.id]
		delete(p.waiting, f.id)
		p.mu.Unlock()
		if ch != nil {
			ch <- f
		}
	}
}

// deafTime is how long a question may wait on a connection on which nothing at
// all has come meanwhile, before the connection is given up: it may have died
// with a cut cable, and the next question must not wait on it too.
const deafTime = 2 * time.Second

// suspect gives the connection up if nothing has come since a question that was
// asked long ago.
func (p *peer) suspect(asked time.Time) {
	p.mu.Lock()
	deaf := time.Since(asked) >= deafTime && p.heard.Before(asked)
	p.mu.Unlock()
	if deaf {
		p.fail(errDeaf)
	}
}

// fail ends the connection; the first reason counts. It reports whether this is.
func (p *peer) fail(err error) (first bool) {
	p.mu.Lock()
	if first = p.failed == nil; first {
		p.failed = err
	}
	p.mu.Unlock()
	p.cancel(err)
	return first
}
