package gossip

import (
	"context"
	"log/slog"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/prometheus/client_golang/prometheus"
)

// Transport carries gossip; memberlist's own goes over tcp and udp.
type Transport = memberlist.Transport

// ResolveFunc finds the IP addresses of a host name; of an IP, itself.
type ResolveFunc func(ctx context.Context, host string) ([]string, error)

// Timing are the timings of Alertmanager's --cluster.* flags. Zero fields take
// its defaults.
type Timing struct {
	GossipInterval      time.Duration // 200 ms
	PushPullInterval    time.Duration // 1 min
	TCPTimeout          time.Duration // 10 s
	ProbeTimeout        time.Duration // 500 ms
	ProbeInterval       time.Duration // 1 s
	PeersResolveTimeout time.Duration // 15 s
	ReconnectInterval   time.Duration // 10 s
	ReconnectTimeout    time.Duration // 6 h
}

// Options say how a Gossip is made.
type Options struct {
	// Meta is what this node tells of itself at first. Meta.ID must be set.
	Meta Meta
	// Label keeps separate clusters on one network apart.
	Label string
	// Bind is host:port, Advertise IP:port as told to others ("" = found
	// out). AllowPublic lets a public address be found.
	Bind, Advertise string
	AllowPublic     bool
	// Peers are host:port of others, and perhaps of this node.
	Peers  []string
	Timing Timing
	// Keys encrypt gossip, with 16, 24 or 32 bytes each: the first what is sent,
	// all what comes. None: gossip is not encrypted.
	Keys [][]byte
	// Receive is called with each message spread by another node. It must
	// not block and not keep b.
	Receive func(b []byte)
	// State is what a node that meets this one is told at length, and Merge
	// takes that of another; both over tcp, at most MaxState bytes. They must
	// not block. Either may be nil.
	State func() []byte
	Merge func(b []byte)

	Transport  Transport   // default: memberlist's
	Resolve    ResolveFunc // default: the system's resolver
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// MaxState bounds what Options.State may return; memberlist's own limit is
// 20 MiB.
const MaxState = 8 << 20

// MaxMessage bounds a message that Spread takes: it must fit a packet with
// memberlist's framing and a label.
const MaxMessage = 1100

func (t *Timing) fill() {
	for _, f := range []struct {
		d *time.Duration
		v time.Duration
	}{
		{&t.GossipInterval, 200 * time.Millisecond},
		{&t.PushPullInterval, time.Minute},
		{&t.TCPTimeout, 10 * time.Second},
		{&t.ProbeTimeout, 500 * time.Millisecond},
		{&t.ProbeInterval, time.Second},
		{&t.PeersResolveTimeout, 15 * time.Second},
		{&t.ReconnectInterval, 10 * time.Second},
		{&t.ReconnectTimeout, 6 * time.Hour},
	} {
		if *f.d <= 0 {
			*f.d = f.v
		}
	}
}
