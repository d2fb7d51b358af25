package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"tocsin/cluster/clock"
	"tocsin/cluster/gossip"
	"tocsin/cluster/mux"
	"tocsin/cluster/pki"
	"tocsin/cluster/rpc"
	"tocsin/cluster/trust"
	"tocsin/fsm/model"
)

// Node is this process's part in the cluster. All methods may be called from
// several goroutines.
type Node struct {
	opts    Options
	log     *slog.Logger
	raftLog hclog.Logger
	metrics *metrics

	id          model.NodeID
	raftAddress string // as told to others
	mux         *mux.Mux
	dialer      mux.Dialer
	client      *rpc.Client
	gossip      *gossip.Gossip // nil when clustering is off
	trust       *trust.Trust   // nil: no TLS between nodes
	refusals    *trust.Refusals
	greeted     greeted
	muteKey     pki.Item // of gossip that nobody is to hear

	// ctx is the node's life; Run's own context only begins its end.
	ctx     context.Context
	cancel  context.CancelFunc
	started atomic.Bool
	closed  sync.Once

	toRaft, toLeader *lane
	engine           atomic.Pointer[engine]
	lead             atomic.Pointer[leadership]
	storage          storage
	clock            *clock.Clock
	clockSettled     chan struct{}
	sights           *sights
	behind           atomic.Bool   // has a quorum again and is not in step yet
	back             chan struct{} // it has a quorum again
	quorum           quorum
	ranks            atomic.Pointer[candidates]
	overlays         *overlays
	foreigners       sync.Map // of nodes of other clusters that were named
	foreignersSaid   atomic.Int64
	membership       turn

	ready     chan struct{}
	readyOnce sync.Once

	trustDirty    chan struct{} // the state's records have changed
	identityDirty chan struct{}
	saving        sync.Mutex // of the identity's file; never held with mu wanted by others

	mu       sync.Mutex // guards the rest
	identity identity
	founding model.ClusterID
	founder  *pki.Authority // of the cluster that is being founded
	promise  promise
	via      string     // a member to join at, seen by gossip or not
	speaks   pki.Report // the gossip keys that this node goes by
	looked   time.Time  // when it last looked for members that gossip does not see
	waiting  string     // what a waiting node waits for
	lone     bool       // may form a cluster alone
	removed  bool       // was a member
	loaded   uint64     // config version, if loadedSet
	draining bool
	turns    bool      // takes turns
	balanced time.Time // when it last gave leadership to one that reaches more

	loadedSet bool
}

// Open reads the node's identity, looks at its Raft log, and binds its
// addresses. Nothing runs before Run, but gossip, which answers others. Errors:
// ErrBadOptions, ErrOtherCluster, and those of files and listeners.
func Open(opts Options) (*Node, error) {
	if err := opts.fill(); err != nil {
		return nil, err
	}
	n := &Node{
		opts:       opts,
		ready:      make(chan struct{}),
		membership: newTurn(),

		identityDirty: make(chan struct{}, 1),
		trustDirty:    make(chan struct{}, 1),

		clock:        clock.New(clock.Options{Wall: opts.Now, Elapsed: opts.Elapsed}),
		clockSettled: make(chan struct{}),
		sights:       newSights(),
		back:         make(chan struct{}, 1),
	}
	n.log = n.Named(opts.Logger)
	n.raftLog = raftLogger(n.log, false)
	n.muteKey = pki.NewGossipKey(opts.Now())
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.quorum.lost = time.Now()
	n.toRaft = newLane(n.ctx, n.putIntoLog)
	n.toLeader = newLane(n.ctx, n.forward)
	n.dialer = mux.Dialer{Dial: opts.Transports.Dial, Timeout: dialTime}
	n.client = &rpc.Client{Dial: n.connectRPC, Lost: n.sights.connectionLost}
	n.metrics = newMetrics(n)
	if err := n.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("open cluster node: %w", err), n.Close())
	}
	return n, nil
}

func (n *Node) open() error {
	if err := os.MkdirAll(filepath.Join(n.raftDir(), "snapshots"), 0o700); err != nil {
		return err
	}
	var err error
	if n.overlays, err = openOverlays(n); err != nil {
		return err
	}
	var fresh bool
	if n.identity, fresh, err = loadIdentity(n.opts.DataDir); err != nil {
		return err
	}
	if err := n.checkCluster(); err != nil {
		return err
	}
	if err := n.recoverLog(fresh); err != nil {
		return err
	}
	n.id = n.identity.ID
	if n.opts.Name == "" {
		n.opts.Name = string(n.id)
	}
	if err := n.openTrust(); err != nil {
		return err
	}
	if err := n.listen(); err != nil {
		return err
	}
	n.refreshRanks()
	return n.metrics.register(n.opts.Registerer)
}

// checkCluster refuses a state file of another cluster than the node's.
func (n *Node) checkCluster() error {
	in := n.opts.Machine.View().Cluster()
	if in != "" && n.identity.Cluster != "" && in != n.identity.Cluster {
		return fmt.Errorf("%w: the state file is of cluster %s, this data folder of cluster %s",
			ErrOtherCluster, in, n.identity.Cluster)
	}
	if in == "" || in == n.identity.Cluster {
		return nil
	}
	n.identity.Cluster = in
	return n.identity.save(n.opts.DataDir)
}

// ID is the node's ID. It is fixed from Open on.
func (n *Node) ID() model.NodeID { return n.id }

// Name is the node's name for people.
func (n *Node) Name() string { return n.opts.Name }

// Epoch is the number of this start of the node, for model.Overlay.
func (n *Node) Epoch() uint64 {
	if n.opts.Local == nil {
		return 0
	}
	return n.opts.Local.Epoch()
}

// GossipAddress is what gossip tells of itself, "" when clustering is off.
func (n *Node) GossipAddress() string {
	if n.gossip == nil {
		return ""
	}
	return n.gossip.Address()
}

// RaftAddress is host:port of the port between nodes, as told to others.
func (n *Node) RaftAddress() string { return n.raftAddress }

// Ready is closed when the node is a member of a cluster and its state has
// caught up with the leader's once. A member that finds no leader counts as
// ready after five seconds, because it has to page without one.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Close releases what Open took, if Run was never called; during Run it ends
// the node without a good-bye. It may be called more than once.
func (n *Node) Close() error {
	var err error
	n.closed.Do(func() {
		n.cancel()
		n.toRaft.close()
		n.toLeader.close()
		n.client.Close()
		if n.gossip != nil {
			err = n.gossip.Close()
		}
		if n.mux != nil {
			err = errors.Join(err, n.mux.Close())
		}
		n.metrics.unregister(n.opts.Registerer)
	})
	return err
}

// clusterID is the cluster that this node belongs to, "" while not known.
func (n *Node) clusterID() model.ClusterID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.identity.Cluster
}

// adoptCluster takes down the cluster's ID as soon as the state has it.
func (n *Node) adoptCluster() {
	id := n.opts.Machine.View().Cluster()
	n.keepIdentity(func(to *identity) {
		if id != "" {
			to.Cluster = id
		}
	})
}

// keepIdentity changes the identity and has it written soon: a disk that hangs
// must not hold up who only wants to know it.
func (n *Node) keepIdentity(change func(*identity)) {
	n.mu.Lock()
	before := n.identity
	change(&n.identity)
	changed := n.identity != before
	n.mu.Unlock()
	if !changed {
		return
	}
	n.keepIdentityAgain()
}

// saveIdentity writes the identity as it is now.
func (n *Node) saveIdentity() error {
	n.saving.Lock()
	defer n.saving.Unlock()
	n.mu.Lock()
	now := n.identity
	n.mu.Unlock()
	return now.save(n.opts.DataDir)
}

// runIdentity writes the identity when it has changed, until ctx ends and what
// has changed before is written.
func (n *Node) runIdentity(ctx context.Context) {
	for {
		select {
		case <-n.identityDirty:
			if err := n.saveIdentity(); err != nil {
				n.log.Warn("the node's identity could not be kept; it will be tried again", "err", err)
				if !sleep(ctx, time.Second) {
					return
				}
				n.keepIdentityAgain()
			}
		case <-ctx.Done():
			select {
			case <-n.identityDirty:
				_ = n.saveIdentity()
			default:
			}
			return
		}
	}
}

func (n *Node) keepIdentityAgain() {
	select {
	case n.identityDirty <- struct{}{}:
	default:
	}
}
