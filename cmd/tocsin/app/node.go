package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"tocsin/cluster"
	"tocsin/cluster/exchange"
	"tocsin/cmd/tocsin/doctor"
	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/event"
	"tocsin/dispatcher/trace"
	"tocsin/fsm"
	"tocsin/httpapi"
	"tocsin/store"
)

// Node is one whole node of Tocsin, running. Its methods may be called from
// several goroutines.
type Node struct {
	opts    Options
	closers closers
	failed  chan error
	failure sync.Once

	listeners []net.Listener
	external  *url.URL
	load      config.Options

	state    *store.State
	local    *store.Local
	machine  *fsm.Machine
	cluster  *cluster.Node
	alerts   *alert.Store
	dispatch *dispatcher.Dispatcher
	exchange *exchange.Exchange
	configs  *configs
	sources  *doctor.Sources
	exam     exam
	schedule *schedule
	tracing  *trace.Manager
	events   *event.Recorder
	started  sync.Once
	web      *httpapi.Server
}

// Open puts a node together and starts it. When it returns, the API answers;
// whether the node is a member of a cluster yet is told by Ready. On an error
// everything that was opened is closed again.
func Open(ctx context.Context, o Options) (*Node, error) {
	o.fill()
	if err := o.Settings.Validate(); err != nil {
		return nil, err
	}
	n := &Node{opts: o, failed: make(chan error, 1)}
	for _, step := range []func() error{
		n.openListeners,
		n.openData,
		n.checkFirst,
		n.openCluster,
		n.openTracing,
		n.openEvents,
		n.openDispatcher,
		n.openConfigs,
		n.openSchedule,
		func() error { return n.openWeb(ctx) },
	} {
		err := step()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			if cerr := n.closers.closeAll(context.WithoutCancel(ctx)); cerr != nil {
				o.Logger.Warn("could not clean up after a failed start", "err", cerr)
			}
			return nil, err
		}
	}
	return n, nil
}

// Close stops the node in order; see the package's comment. It may be called
// more than once.
func (n *Node) Close(ctx context.Context) error { return n.closers.closeAll(ctx) }

// Failed gets an error if the node cannot go on. It gets at most one.
func (n *Node) Failed() <-chan error { return n.failed }

// Ready is closed when the node is a member of a cluster and has caught up.
func (n *Node) Ready() <-chan struct{} { return n.cluster.Ready() }

// Handler answers the API's requests.
func (n *Node) Handler() http.Handler { return n.web.Handler() }

// WebAddress is host:port of the first HTTP listener; empty if there is none.
func (n *Node) WebAddress() string {
	if len(n.listeners) == 0 {
		return ""
	}
	return n.listeners[0].Addr().String()
}

// GossipAddress is what other nodes are given as --cluster.peer.
func (n *Node) GossipAddress() string { return n.cluster.GossipAddress() }

// Cluster is the node's part in the cluster.
func (n *Node) Cluster() *cluster.Node { return n.cluster }

// Machine is the node's replicated state.
func (n *Node) Machine() *fsm.Machine { return n.machine }

// Reload proposes the configuration file to the cluster, or restarts the
// groups' timers where the cluster runs what the file says. It returns when
// this node runs it.
func (n *Node) Reload(ctx context.Context) error { return n.configs.Reload(ctx) }

// background runs f until the closer that it pushes is called. If f ends with
// an error before that, the node has failed.
func (n *Node) background(name string, within time.Duration, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f(ctx); err != nil && ctx.Err() == nil {
			n.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	n.closers.push(name, within, func(context.Context) error {
		cancel()
		<-done
		return nil
	})
}

func (n *Node) fail(err error) {
	n.failure.Do(func() { n.failed <- err })
}
