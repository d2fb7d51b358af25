package dispatcher

import (
	"iter"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/event"
	"tocsin/fsm/model"
)

// Options is what a Dispatcher works with. Ledger, Peers, Overlay, Silences,
// Store and Node are required.
type Options struct {
	Ledger   Ledger
	Peers    Peers
	Overlay  Overlay
	Silences Silences
	Store    *alert.Store
	// Node is this node's ID.
	Node model.NodeID
	// Epoch grows with each start of this node. It is that of its overlays.
	Epoch uint64
	// Outbox remembers sends beyond the process; nil is none. Claims are the
	// entries with a live claim, as far as this node's own state knows: those
	// that the process before left are given back. Nil leaves them to expire.
	Outbox Outbox
	Claims func() iter.Seq[*model.Entry]
	// Final reports whether an error of the Ledger is an answer, which no
	// repetition would change: a refusal, not silence. Nil takes none as one.
	Final func(error) bool
	// Behind reports whether an error of the Ledger says that the cluster has
	// done what was asked, but this node's own state has not got there. Nil
	// takes none as that.
	Behind func(error) bool
	// InStep reports whether this node's alerts are in step with those of the
	// others. While they are not, an alert that is over by time alone is not
	// told as resolved. It must not block; nil is always.
	InStep func() bool
	// Cluster is the cluster's ID, which goes into delivery IDs. It is asked
	// at each send; nil is the empty ID.
	Cluster func() model.ClusterID
	// Started is when the process started; the time of New if zero.
	Started time.Time
	// StartDelay is how long after Started nothing is sent yet, so that
	// inhibiting alerts and the peers' can arrive first. Alertmanager's
	// --dispatch.start-delay.
	StartDelay time.Duration
	// PeerTimeout is how long a node waits for each node that ranks before it
	// when there is no quorum. Alertmanager's --cluster.peer-timeout; 15s if
	// not positive.
	PeerTimeout time.Duration
	// MaxSends bounds how many deliveries are under way at once, 512 if not
	// positive; one integration takes at most a quarter of them.
	MaxSends int
	// Events writes down what happens; nil nothing.
	Events *event.Recorder
	// GroupKeyInMetrics puts the group key on alertmanager_alerts.
	GroupKeyInMetrics bool
	// Now is the wall clock; time.Now if nil. Timers do not use it.
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// The defaults of Options.
const (
	DefaultPeerTimeout = 15 * time.Second
	DefaultMaxSends    = 512
)

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Final == nil {
		o.Final = func(error) bool { return false }
	}
	if o.Behind == nil {
		o.Behind = func(error) bool { return false }
	}
	if o.InStep == nil {
		o.InStep = func() bool { return true }
	}
	if o.Cluster == nil {
		o.Cluster = func() model.ClusterID { return "" }
	}
	if o.Started.IsZero() {
		o.Started = o.Now()
	}
	if o.PeerTimeout <= 0 {
		o.PeerTimeout = DefaultPeerTimeout
	}
	if o.MaxSends <= 0 {
		o.MaxSends = DefaultMaxSends
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}
