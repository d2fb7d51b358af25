package exchange_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cluster/clustertest"
	"tocsin/cluster/exchange"
)

// toy is an alert of the tests: the newer one wins, from when the first began.
type toy struct {
	hash                  uint64
	updated, ends, starts int64
	text                  uint64
}

func (t toy) state() exchange.State {
	return exchange.State{Hash: t.hash, Updated: t.updated, Ends: t.ends, Sum: uint64(t.starts)*31 + t.text}
}

func (t toy) merge(in toy) toy {
	first := min(t.starts, in.starts)
	switch {
	case in.updated > t.updated:
		t = in
	case in.updated == t.updated:
		t.ends, t.text = max(t.ends, in.ends), max(t.text, in.text)
	}
	t.starts = first
	return t
}

// toys is a Store of them.
type toys struct {
	mu      sync.Mutex
	alerts  map[uint64]toy
	over    map[uint64]bool // not offered
	bodies  int             // taken
	padding int             // added to each body
}

func newToys() *toys { return &toys{alerts: make(map[uint64]toy), over: make(map[uint64]bool)} }

func (s *toys) Entries() iter.Seq[exchange.Entry] {
	return func(yield func(exchange.Entry) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for h, t := range s.alerts {
			if !yield(exchange.Entry{State: t.state(), Offer: !s.over[h]}) {
				return
			}
		}
	}
}

func (s *toys) State(hash uint64) (exchange.State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.alerts[hash]
	return t.state(), ok
}

func (s *toys) AppendBody(dst []byte, hash uint64) ([]byte, exchange.State, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.alerts[hash]
	if !ok {
		return dst, exchange.State{}, false
	}
	for _, v := range [...]uint64{t.hash, uint64(t.updated), uint64(t.ends), uint64(t.starts), t.text} {
		dst = binary.BigEndian.AppendUint64(dst, v)
	}
	return append(dst, make([]byte, s.padding)...), t.state(), true
}

func (s *toys) Take(bodies [][]byte) (refused int) {
	for _, b := range bodies {
		if len(b) < 40 {
			refused++
			continue
		}
		v := func(i int) uint64 { return binary.BigEndian.Uint64(b[8*i:]) }
		s.put(toy{hash: v(0), updated: int64(v(1)), ends: int64(v(2)), starts: int64(v(3)), text: v(4)})
		s.mu.Lock()
		s.bodies++
		s.mu.Unlock()
	}
	return refused
}

func (s *toys) Move(states []exchange.State) {
	for _, st := range states {
		s.mu.Lock()
		t := s.alerts[st.Hash]
		s.mu.Unlock()
		if t.state().Sum == st.Sum {
			t.updated, t.ends = st.Updated, st.Ends
			s.put(t)
		}
	}
}

func (s *toys) put(t toy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.alerts[t.hash]; ok {
		t = old.merge(t)
	}
	s.alerts[t.hash] = t
}

func (s *toys) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies
}

func (s *toys) clone() map[uint64]toy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.alerts)
}

// rig is nodes on a network in memory, in a bubble.
type rig struct {
	*testing.T
	net   *clustertest.Network
	nodes []*node
	tune  func(*exchange.Options)
	sizes int
}

type node struct {
	*exchange.Exchange
	*toys
	id, ip  string
	metrics *prometheus.Registry
	cancel  context.CancelFunc
	done    chan struct{}
}

const port = 9095

func bubble(t *testing.T, size int, tune func(*exchange.Options), f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, net: clustertest.New(1), tune: tune, sizes: size}
		for i := range size {
			r.nodes = append(r.nodes, &node{toys: newToys(), id: fmt.Sprintf("n%d", i), ip: fmt.Sprintf("10.0.0.%d", i+1)})
			r.start(i)
		}
		f(r)
		for _, n := range r.nodes {
			n.stop()
		}
		clustertest.Drain()
	})
}

func (r *rig) start(i int) {
	r.Helper()
	n, host := r.nodes[i], r.net.Host(r.nodes[i].ip)
	listener, err := host.Listen(port)
	if err != nil {
		r.Fatal(err)
	}
	n.metrics = prometheus.NewRegistry()
	o := exchange.Options{
		Self: n.id, Store: n.toys, Dial: host.Dial, Listener: listener, Expected: r.sizes > 1,
		Peers:      func() []exchange.Peer { return r.peers(i) },
		Registerer: n.metrics,
		Logger:     slog.New(slog.NewTextHandler(r.Output(), nil)).With("node", n.id),
	}
	if r.tune != nil {
		r.tune(&o)
	}
	n.Exchange = exchange.New(o)
	var ctx context.Context
	ctx, n.cancel = context.WithCancel(r.Context())
	n.done = make(chan struct{})
	go func() {
		defer close(n.done)
		if err := n.Run(ctx); err != nil {
			r.Error(err)
		}
	}()
}

func (r *rig) peers(self int) (out []exchange.Peer) {
	for i := range r.sizes {
		if i != self {
			out = append(out, exchange.Peer{ID: fmt.Sprintf("n%d", i), Address: fmt.Sprintf("10.0.0.%d:%d", i+1, port)})
		}
	}
	return out
}

func (n *node) stop() {
	n.cancel()
	<-n.done
}

// value is a metric of the node.
func (n *node) value(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var has []string
			for _, l := range m.GetLabel() {
				has = append(has, l.GetValue())
			}
			if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(has, l) }) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

// inStep waits until all nodes are.
func (r *rig) inStep() {
	r.Helper()
	r.until(10*time.Second, "all nodes are in step", func() bool {
		for _, n := range r.nodes {
			if n.value(r.T, "tocsin_exchange_peers_behind") != 0 || !n.InStep() {
				return false
			}
		}
		return true
	})
}

// until waits for holds, looking every ten milliseconds of the bubble's time.
func (r *rig) until(limit time.Duration, what string, holds func() bool) time.Duration {
	r.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > limit {
			r.Fatalf("not within %s: %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// post changes an alert on a node, as a post does.
func (n *node) post(hashes ...uint64) {
	for _, h := range hashes {
		n.put(toy{hash: h, updated: time.Now().UnixNano(), ends: time.Now().Add(time.Hour).UnixNano(), starts: time.Now().UnixNano(), text: 1})
	}
	n.Changed(hashes, nil, false)
}

// refresh moves the ends of alerts.
func (n *node) refresh(hashes ...uint64) {
	n.move(hashes...)
	n.Changed(nil, hashes, false)
}

func (n *node) move(hashes ...uint64) {
	for _, h := range hashes {
		n.mu.Lock()
		t := n.alerts[h]
		n.mu.Unlock()
		t.updated, t.ends = time.Now().UnixNano(), time.Now().Add(time.Hour).UnixNano()
		n.put(t)
	}
}

func (r *rig) equal() bool {
	first := r.nodes[0].clone()
	for _, n := range r.nodes[1:] {
		if !maps.Equal(first, n.clone()) {
			return false
		}
	}
	return true
}

// hashes are n different ones, spread over the buckets.
func hashes(from, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(from+i+1) * 0x9e3779b97f4a7c15
	}
	return out
}
