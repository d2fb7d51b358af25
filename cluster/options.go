package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cluster/gossip"
	"tocsin/cluster/mux"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/store"
)

// Options say how a node is made. Fields without a word on their default are
// needed.
type Options struct {
	// DataDir is the folder for the node's identity and its raft folder. It
	// must exist and be used by one process at a time.
	DataDir string
	// Name is for people and need not be unique. Default: the node ID.
	Name string
	// Version is the program's version, for the others to see.
	Version string
	// ClusterLabel keeps gossip of separate clusters apart on one network;
	// all nodes of a cluster have the same. May be empty.
	ClusterLabel string

	// GossipBind is host:port for gossip, tcp and udp. Empty switches
	// clustering off: one voter, no gossip, Raft on a free loopback port.
	GossipBind string
	// GossipAdvertise is IP:port as told to others. Default: found out.
	GossipAdvertise string
	// Peers are host:port of the gossip of other nodes; this node may be
	// among them. With peers a node never forms a cluster alone.
	Peers []string
	// BootstrapExpect, when 2 or more, forms a new cluster once that many
	// empty nodes that expect the same see each other.
	BootstrapExpect int
	// NonVoter: follow the cluster, never vote.
	NonVoter bool

	// RaftBind is host:port for everything between nodes but gossip. Default:
	// the host of GossipBind and its port plus one, a free port if that is 0.
	RaftBind string
	// RaftAdvertise is host:port as told to others. Default: the host of the
	// gossip address and the port that is listened on.
	RaftAdvertise string
	// APIAddress is the host:port or URL of the HTTP API, as told to others.
	APIAddress string

	// Gossip are the timings of the --cluster.* flags; zero fields take
	// Alertmanager's defaults.
	Gossip gossip.Timing
	// Timing are Raft's and the claims' timings; zero fields take defaults.
	Timing Timing
	// Retention is how long expired silences, idle ledger entries and the
	// delivery history are kept. Default 120 h.
	Retention time.Duration

	// Knows is the newest command version that this node says it knows; default
	// command.Version. A lower one holds the whole cluster back.
	Knows uint32

	// Question answers AskVoters of another node: an error is the objection
	// that it is told. Nil has none. It must return soon after ctx ends.
	Question func(ctx context.Context, body []byte) error

	// Examine answers another node's Examine. Nil refuses. It must return soon
	// after ctx ends.
	Examine func(ctx context.Context) ([]byte, error)

	State   *store.State
	Machine *fsm.Machine
	Local   *store.Local

	Logger     *slog.Logger          // default: discard
	Registerer prometheus.Registerer // nil: no metrics
	// Now is the machine's wall clock; default time.Now. Only Node.Now reads it.
	Now func() time.Time
	// Elapsed is the time on a clock that nobody sets, counting what the
	// machine slept: clock.SinceBoot. Default: the monotonic clock of package
	// time, which may not count that.
	Elapsed func() time.Duration

	Security   Security
	Transports Transports
	Disk       DiskFaults // for tests; default none
}

// Timing bounds elections, claims and faults. All durations are on the
// monotonic clock.
type Timing struct {
	// Heartbeat: a follower that hears nothing from its leader for one to two
	// of these looks for a new one. Default 1 s.
	Heartbeat time.Duration
	// Election: a candidate that wins nothing in one to two of these tries
	// again. At least Heartbeat. Default 1 s.
	Election time.Duration
	// LeaderLease: a leader that cannot reach a majority for this long steps
	// down. At most Heartbeat, which is the default: a shorter one makes leaders
	// of lossy networks give up that nobody has missed.
	LeaderLease time.Duration
	// ClaimTTL is how long a claim is good without renewal; the leader lets
	// it expire after twice that. Default 5 s.
	ClaimTTL time.Duration
	// Stall: a disk that takes longer for one write counts as hung. Default 8 s,
	// so that the node is out of Raft within ten (I15).
	Stall time.Duration
	// Reopen is the pause between attempts to use a failed disk again.
	// Default 3 s.
	Reopen time.Duration
	// Hold is how long a proposal without a deadline waits for a leader.
	// Default 5 s.
	Hold time.Duration
}

// Transports replace the network, for tests. Nil fields mean the real one.
type Transports struct {
	Gossip gossip.Transport
	// Stream is the listener that RaftBind would open; Dial reaches others'.
	Stream net.Listener
	Dial   mux.DialFunc
	// Resolve finds the addresses of a host name.
	Resolve gossip.ResolveFunc
}

// DiskFaults stands before every write to the Raft log and to the state file,
// so that tests can make a disk slow, hung or full. An error fails the write.
type DiskFaults interface {
	BeforeLogWrite() error
	BeforeApply() error
}

// ErrBadOptions says that options contradict each other or are incomplete.
var ErrBadOptions = errors.New("bad cluster options")

func (o *Options) fill() error {
	switch {
	case o.DataDir == "":
		return fmt.Errorf("%w: no data folder", ErrBadOptions)
	case o.Machine == nil:
		return fmt.Errorf("%w: no state machine", ErrBadOptions)
	case o.GossipBind == "" && len(o.Peers) > 0:
		return fmt.Errorf("%w: peers are given but clustering is off", ErrBadOptions)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Knows == 0 {
		o.Knows = command.Version
	}
	orDefault(&o.Retention, 120*time.Hour)
	return o.Timing.fill()
}

func (t *Timing) fill() error {
	orDefault(&t.Heartbeat, time.Second)
	orDefault(&t.Election, max(time.Second, t.Heartbeat))
	orDefault(&t.LeaderLease, t.Heartbeat)
	orDefault(&t.ClaimTTL, 5*time.Second)
	orDefault(&t.Stall, 8*time.Second)
	orDefault(&t.Reopen, 3*time.Second)
	orDefault(&t.Hold, 5*time.Second)
	if t.LeaderLease > t.Heartbeat || t.Heartbeat > t.Election {
		return fmt.Errorf("%w: lease %v, heartbeat %v and election %v must not descend",
			ErrBadOptions, t.LeaderLease, t.Heartbeat, t.Election)
	}
	return nil
}

func orDefault(d *time.Duration, v time.Duration) {
	if *d <= 0 {
		*d = v
	}
}
