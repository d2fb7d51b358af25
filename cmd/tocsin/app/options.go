package app

import (
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/client_golang/prometheus"
	commoncfg "github.com/prometheus/common/config"

	"tocsin/cluster"
)

// Options are what a node is made of. Only Settings is needed.
type Options struct {
	Settings Settings
	// Logger gets the node's log; nil drops it.
	Logger *slog.Logger
	// Registerer takes the node's metrics, Gatherer serves them. Nodes of one
	// process need one each. Nil: none.
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	// Started is when the process started; the time of Open if zero.
	Started time.Time
	// Now is the machine's wall clock; nil means time.Now. What judges alerts
	// and silences goes by the cluster's word on it: cluster.Node.Now.
	Now func() time.Time
	// Elapsed is the time that has passed on a clock that nobody sets, what the
	// machine slept included; nil means the monotonic clock.
	Elapsed func() time.Duration

	// Features are what UseFeatures returned; nil: none.
	Features featurecontrol.Flagger

	Replace Replace
}

// Replace are the things that tests put in the place of the real ones. The
// zero value replaces nothing.
type Replace struct {
	// NoWeb opens no HTTP listener: requests are made to Node.Handler.
	NoWeb bool
	// Listeners are used instead of opening those of the settings.
	Listeners []net.Listener
	// Transports, Timing and Security are the cluster's.
	Transports cluster.Transports
	Timing     cluster.Timing
	Security   cluster.Security
	// ReceiverHTTP goes to every HTTP client of the receivers.
	ReceiverHTTP []commoncfg.HTTPClientOption
}

func (o *Options) fill() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Features == nil {
		o.Features = featurecontrol.NoopFlags{}
	}
	if o.Started.IsZero() {
		o.Started = time.Now()
	}
}
