package exchange

import (
	"context"
	"iter"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// State is which state of an alert a node has: enough to say whether two nodes
// have the same, and to bring one up to date where only the end has moved.
type State struct {
	// Hash identifies the alert.
	Hash uint64
	// Updated and Ends are nanoseconds since the Unix epoch.
	Updated, Ends int64
	// Sum is a checksum of all that is not said here.
	Sum uint64
}

// Entry is an alert in a node's listing.
type Entry struct {
	State
	// Offer: a node that does not know the alert should be told of it. Alerts
	// that are over and done with are kept for a while and not offered.
	Offer bool
}

// Store is the alerts of this node. Its methods are called by several
// goroutines; none may wait for another node.
type Store interface {
	// Entries goes through all alerts.
	Entries() iter.Seq[Entry]
	// State is the state of one alert, if it is known.
	State(hash uint64) (State, bool)
	// AppendBody writes an alert behind dst and says which state that is. It
	// is false, and dst as it was, if the alert is not known or cannot be
	// written.
	AppendBody(dst []byte, hash uint64) ([]byte, State, bool)
	// Take merges alerts as AppendBody wrote them, and counts those that it
	// cannot read. It keeps no reference to the bodies.
	Take(bodies [][]byte) (refused int)
	// Move merges states of alerts that are known with the same Sum.
	Move(states []State)
}

// Peer is another node.
type Peer struct {
	ID      string
	Address string // host:port
}

// Options are what an Exchange is made of. Zero durations mean the default.
type Options struct {
	// Self is this node's ID.
	Self  string
	Store Store
	// Peers are the other nodes as far as they are known now. It is called
	// several times a second.
	Peers func() []Peer
	// Expected: there are others, even if Peers does not know of them yet.
	Expected bool
	// Before is done first with a peer that is reached again, or for the first
	// time: nothing goes over between the two before it has succeeded. It is
	// bounded by Timeout; nil: nothing. The program above tells the peer there
	// what has to be known before the alerts that it is about.
	Before func(ctx context.Context, p Peer) error
	// Dial and Listener are the connections between nodes of one cluster.
	Dial     func(ctx context.Context, address string) (net.Conn, error)
	Listener net.Listener

	// Round is how often refreshes are told and each peer is asked for a sign
	// of life. Default 1 s.
	Round time.Duration
	// CompareEvery is how often each peer's alerts are compared with ours for
	// no reason. Default 60 s.
	CompareEvery time.Duration
	// Timeout bounds every question to a peer. Default 5 s.
	Timeout time.Duration
	// Patience is how long Synced waits for a peer. Default 5 s.
	Patience time.Duration
	// Queue is how many transitions, and how many refreshes, are kept for a
	// peer that is slow. Default 131072.
	Queue int

	// Now is the wall clock that the alerts' times of update come from;
	// default time.Now.
	Now        func() time.Time
	Logger     *slog.Logger          // default: discard
	Registerer prometheus.Registerer // nil: none
}

func (o *Options) fill() {
	for d, def := range map[*time.Duration]time.Duration{
		&o.Round: time.Second, &o.CompareEvery: time.Minute, &o.Timeout: 5 * time.Second, &o.Patience: 5 * time.Second,
	} {
		if *d <= 0 {
			*d = def
		}
	}
	if o.Queue <= 0 {
		o.Queue = 1 << 17
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}
