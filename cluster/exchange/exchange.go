package exchange

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/cluster/rpc"
)

// Exchange keeps the alerts of this node and its peers the same. All methods
// may be called from several goroutines.
type Exchange struct {
	opts    Options
	feed    *feed
	client  *rpc.Client
	metrics *metrics
	// boot tells this life of the node from others.
	boot uint64
	born time.Time
	// beat is when Run last looked around, in nanoseconds since born.
	beat atomic.Int64

	synced chan struct{}
	settle sync.Once // closes synced

	// links are replaced as a whole, by Run.
	links atomic.Pointer[[]*link]
}

// New makes an exchange that does nothing before Run.
func New(opts Options) *Exchange {
	opts.fill()
	x := &Exchange{
		opts: opts, feed: newFeed(opts.Queue), boot: rand.Uint64(), born: time.Now(),
		synced: make(chan struct{}),
	}
	x.links.Store(new([]*link))
	x.metrics = newMetrics(x)
	x.client = &rpc.Client{Dial: opts.Dial, WriteTimeout: opts.Timeout, IdleTimeout: idle}
	return x
}

const (
	// idle is how long a connection may be silent; every round uses it.
	idle = 30 * time.Second
	// lookEvery is how often the peers are looked up.
	lookEvery = 200 * time.Millisecond
	// frozen is how late a look may be before the process counts as having
	// been stopped.
	frozen = 3 * time.Second
)

// Changed tells of alerts that this node was told of: those that are new or
// changed, and those that are merely refreshed. What peers told this node does
// not belong here. Urgent refreshes do not wait for their round: their alerts
// would soon be over at a peer. It does not wait for anything, and keeps no
// reference.
func (x *Exchange) Changed(transitions, refreshes []uint64, urgent bool) {
	if len(transitions)+len(refreshes) == 0 {
		return
	}
	hasten := len(transitions) > 0 || urgent
	x.feed.mu.Lock()
	defer x.feed.mu.Unlock()
	x.feed.transitions.add(transitions)
	x.feed.refreshes.add(refreshes)
	if !hasten {
		return
	}
	for _, l := range *x.links.Load() {
		l.hasten(len(transitions) > 0, urgent)
	}
}

// Synced is closed once this node's alerts have been compared with those of a
// living peer, or there is nobody to ask, or nobody has answered for
// Options.Patience.
func (x *Exchange) Synced() <-chan struct{} { return x.synced }

// InStep reports whether this node hears what the others hear: that there are no
// others, or that one at least has been compared with since it was last out of
// reach, and this process was not stopped meanwhile. If not, an alert that has
// ended here may have been refreshed elsewhere.
func (x *Exchange) InStep() bool {
	if x.sinceBeat() > frozen {
		return false
	}
	links := x.list()
	return len(links) == 0 && !x.opts.Expected || slices.ContainsFunc(links, (*link).inStep)
}

func (x *Exchange) sinceBeat() time.Duration {
	return time.Since(x.born) - time.Duration(x.beat.Load())
}

// Run exchanges alerts until ctx ends; then it tells the peers what they have not
// been told yet, for a second at most. It closes Options.Listener.
func (x *Exchange) Run(ctx context.Context) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var server, links sync.WaitGroup
	s := &rpc.Server{Handler: x.serve, MaxRunning: 4, MaxConns: 32, WriteTimeout: x.opts.Timeout, IdleTimeout: idle, Logger: x.opts.Logger}
	server.Go(func() { s.Serve(serving, x.opts.Listener) })
	x.look(ctx, &links)
	links.Wait()
	stop()
	server.Wait()
	x.client.Close()
	return nil
}

// look starts a link for every peer that there is and ends those of the others.
func (x *Exchange) look(ctx context.Context, links *sync.WaitGroup) {
	x.beat.Store(int64(time.Since(x.born)))
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if late := x.sinceBeat(); late > frozen {
			x.opts.Logger.Warn("this process did not run for a while; its alerts are compared with those of the other nodes", "for", late)
			for _, l := range x.list() {
				l.doubt()
			}
		}
		x.beat.Store(int64(time.Since(x.born)))
		x.match(ctx, links, x.opts.Peers())
		x.checkPatience()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (x *Exchange) match(ctx context.Context, wg *sync.WaitGroup, peers []Peer) {
	old := x.list()
	fresh := make([]*link, 0, len(peers))
	for _, p := range peers {
		if p.ID == x.opts.Self {
			continue
		}
		l := x.link(p.ID)
		if l == nil {
			l = newLink(x, p)
		}
		l.moveTo(p.Address)
		fresh = append(fresh, l)
	}
	if slices.Equal(old, fresh) {
		return
	}
	x.links.Store(&fresh)
	for _, l := range fresh {
		if !slices.Contains(old, l) {
			l.start(ctx, wg)
		}
	}
	for _, l := range old {
		if !slices.Contains(fresh, l) {
			l.stop()
		}
	}
}

// checkPatience gives up waiting for a first comparison.
func (x *Exchange) checkPatience() {
	switch alone := !x.opts.Expected && len(x.list()) == 0; {
	case alone:
		x.declare("there are no other nodes to get alerts from")
	case time.Since(x.born) >= x.opts.Patience:
		x.declare("no other node has told its alerts yet; going on without them")
	}
}

// declare closes Synced and says why.
func (x *Exchange) declare(why string) {
	x.settle.Do(func() {
		x.opts.Logger.Info(why, "after", time.Since(x.born))
		close(x.synced)
	})
}

func (x *Exchange) list() []*link { return *x.links.Load() }

func (x *Exchange) link(id string) *link {
	for _, l := range x.list() {
		if l.id == id {
			return l
		}
	}
	return nil
}

// cut are the peers that this node does not reach.
func (x *Exchange) cut() []string {
	var out []string
	for _, l := range x.list() {
		if !l.isUp() && len(out) < maxCut {
			out = append(out, l.id)
		}
	}
	return out
}
