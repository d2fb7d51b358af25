package gossip

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"tocsin/fsm/model"
)

// Gossip is this node's part in the membership protocol. All methods may be
// called from several goroutines.
type Gossip struct {
	opts    Options
	list    *memberlist.Memberlist
	queue   *queue
	lines   *logWriter
	metrics *metrics
	address string
	kick    chan struct{} // the facts have changed
	look    chan struct{} // there is somebody to look for
	events  chan Event

	keysMu  sync.Mutex          // held while keys are replaced; never with mu
	keyring *memberlist.Keyring // nil: no encryption

	mu      sync.Mutex // guards the rest; memberlist is never called with it
	meta    Meta
	encoded []byte
	members map[model.NodeID]*Member
	refused map[string]struct{}
	met     []string // addresses to look at, too
	joined  bool
	closed  bool
}

// Member is a node that gossip sees or has lost.
type Member struct {
	Meta
	Address string // of its gossip
	Self    bool
	Alive   bool
	// Since is when Alive last changed, Told when the facts last came, Acked
	// when a ping was last answered.
	Since, Told, Acked time.Time
}

// Event says that a member appeared, changed or was lost. Events may be
// dropped; Members is always right.
type Event struct{ Member Member }

// maxEvents bounds Events.
const maxEvents = 256

// Facts are told again shortly after a change, and from then on at intervals that
// double, changed or not. memberlist v0.6.0 can lose them: where the only queued message
// is replaced by a newer one of the same node, its queue gives two messages the
// same number, and of two with the same number and length the first is dropped.
const (
	tellAgain  = 500 * time.Millisecond
	tellAlways = 15 * time.Second
)

// Open binds the node's gossip addresses and answers others from then on. It
// looks for nobody by itself before Run.
func Open(opts Options) (*Gossip, error) {
	opts.Timing.fill()
	if opts.Resolve == nil {
		opts.Resolve = systemResolve
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	encoded, err := opts.Meta.Encode()
	if err != nil {
		return nil, err
	}
	g := &Gossip{
		opts:    opts,
		kick:    make(chan struct{}, 1),
		look:    make(chan struct{}, 1),
		events:  make(chan Event, maxEvents),
		meta:    opts.Meta,
		encoded: encoded,
		members: make(map[model.NodeID]*Member),
		refused: make(map[string]struct{}),
	}
	g.queue = newQueue(g.aliveCount)
	g.metrics = newMetrics(g)
	if err := g.open(); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *Gossip) open() error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	list, err := memberlist.Create(cfg)
	if err != nil {
		_ = cfg.Transport.Shutdown()
		return fmt.Errorf("start gossip: %w", err)
	}
	g.list = list
	g.address = hostPort(list.LocalNode())
	if err := g.metrics.register(g.opts.Registerer); err != nil {
		return errors.Join(fmt.Errorf("register gossip metrics: %w", err), list.Shutdown())
	}
	return nil
}

func (g *Gossip) config() (*memberlist.Config, error) {
	t := g.opts.Timing
	cfg := memberlist.DefaultLANConfig()
	cfg.Name = string(g.opts.Meta.ID)
	cfg.Label = g.opts.Label
	g.lines = &logWriter{logger: g.opts.Logger}
	cfg.Logger = log.New(g.lines, "", 0)
	cfg.GossipInterval = t.GossipInterval
	cfg.PushPullInterval = t.PushPullInterval
	cfg.TCPTimeout = t.TCPTimeout
	cfg.ProbeTimeout = t.ProbeTimeout
	cfg.ProbeInterval = t.ProbeInterval
	cfg.UDPBufferSize = 1400
	if len(g.opts.Keys) > 0 {
		ring, err := memberlist.NewKeyring(g.opts.Keys, g.opts.Keys[0])
		if err != nil {
			return nil, fmt.Errorf("make gossip keys: %w", err)
		}
		g.keyring, cfg.Keyring = ring, ring
	}
	// A node that died may come back under another address at once.
	cfg.DeadNodeReclaimTime = time.Millisecond
	d := &delegate{g}
	cfg.Delegate, cfg.Events, cfg.Alive, cfg.Conflict, cfg.Ping = d, d, d, d, d
	return cfg, g.bind(cfg)
}

func (g *Gossip) bind(cfg *memberlist.Config) error {
	host, port, err := splitAddress(g.opts.Bind)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), g.opts.Timing.PeersResolveTimeout)
	defer cancel()
	if cfg.BindAddr, err = bindIP(ctx, host, g.opts.Resolve); err != nil {
		return err
	}
	transport := g.opts.Transport
	if transport == nil {
		t, err := listen(cfg.BindAddr, port, cfg.Logger)
		if err != nil {
			return err
		}
		transport, port = t, t.GetAutoBindPort()
	}
	cfg.BindPort = port
	cfg.Transport = newHangUp(transport)
	cfg.AdvertiseAddr, cfg.AdvertisePort, err = advertise(&g.opts, cfg.BindAddr, port)
	if err != nil {
		_ = transport.Shutdown()
	}
	return err
}

// Run looks for the peers for as long as they are missing and tells the others
// of changed facts, until ctx ends.
func (g *Gossip) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { g.runJoin(ctx) })
	wg.Go(func() { g.runUpdate(ctx) })
	wg.Wait()
}

// runUpdate tells the others of changed facts.
func (g *Gossip) runUpdate(ctx context.Context) {
	next := tellAgain
	again := time.NewTimer(next)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.kick:
			next = tellAgain
		case <-again.C:
			next = min(2*next, tellAlways)
		}
		if err := g.list.UpdateNode(time.Second); err != nil {
			g.opts.Logger.Debug("facts are not told yet", "err", err)
		}
		again.Reset(next)
	}
}

// Address is IP:port as told to the others.
func (g *Gossip) Address() string { return g.address }

// Events tells of members. There is one reader.
func (g *Gossip) Events() <-chan Event { return g.events }

// HealthScore is memberlist's judgement of this node, 0 is best.
func (g *Gossip) HealthScore() int { return g.list.GetHealthScore() }

// Settled reports whether all peers that resolve have been asked once.
func (g *Gossip) Settled() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.joined
}

// UpdateMeta changes what this node tells of itself. The ID stays.
func (g *Gossip) UpdateMeta(change func(*Meta)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := g.meta
	change(&next)
	next.ID = g.meta.ID
	if next == g.meta {
		return nil
	}
	encoded, err := next.Encode()
	if err != nil {
		return err
	}
	g.meta, g.encoded = next, encoded
	if self := g.members[next.ID]; self != nil {
		self.Meta = next
	}
	select {
	case g.kick <- struct{}{}:
	default:
	}
	return nil
}

// Meta is what this node tells of itself.
func (g *Gossip) Meta() Meta {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.meta
}

// Leave says good-bye, for at most timeout, so that the others need not find
// out by themselves.
func (g *Gossip) Leave(timeout time.Duration) error {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed {
		return nil
	}
	if err := g.list.Leave(timeout); err != nil {
		return fmt.Errorf("leave gossip: %w", err)
	}
	return nil
}

// Close stops answering. It may be called more than once.
func (g *Gossip) Close() error {
	g.mu.Lock()
	closed := g.closed
	g.closed = true
	g.mu.Unlock()
	if closed {
		return nil
	}
	g.metrics.unregister(g.opts.Registerer)
	return g.list.Shutdown()
}
