package gossip_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/cluster/clustertest"
	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

// node is a Gossip that runs until the test stops it.
type node struct {
	*gossip.Gossip
	log  *safeBuffer
	got  *safeBuffer
	reg  *prometheus.Registry
	stop func()
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

type setup func(*gossip.Options)

func open(t *testing.T, n *clustertest.Network, i int, peers []string, more ...setup) *node {
	t.Helper()
	host := n.Host(fmt.Sprintf("10.0.0.%d", i))
	transport, err := host.Gossip(9094)
	if err != nil {
		t.Fatal(err)
	}
	out := &node{log: &safeBuffer{}, got: &safeBuffer{}, reg: prometheus.NewRegistry()}
	opts := gossip.Options{
		Meta:       gossip.Meta{ID: model.NodeID(fmt.Sprintf("n%d", i)), Name: fmt.Sprintf("am%d", i)},
		Bind:       host.Address(9094),
		Peers:      peers,
		Transport:  transport,
		Resolve:    host.Resolve,
		Receive:    func(b []byte) { _, _ = out.got.Write(slices.Concat(b, []byte("\n"))) },
		Logger:     slog.New(slog.NewTextHandler(out.log, nil)),
		Registerer: out.reg,
	}
	for _, f := range more {
		f(&opts)
	}
	if out.Gossip, err = gossip.Open(opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { out.Run(ctx) })
	out.stop = func() {
		cancel()
		wg.Wait()
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	}
	return out
}

func three(t *testing.T, n *clustertest.Network, more ...setup) []*node {
	t.Helper()
	var out []*node
	for i := 1; i <= 3; i++ {
		out = append(out, open(t, n, i, []string{"10.0.0.1:9094", "10.0.0.2:9094", "10.0.0.3:9094"}, more...))
	}
	return out
}

func alive(n *node) string {
	var out []string
	for _, m := range n.Members() {
		if m.Alive {
			out = append(out, string(m.ID))
		}
	}
	return strings.Join(out, " ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestMeetLoseAndMeetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		nodes := three(t, n)
		time.Sleep(3 * time.Second)
		for _, x := range nodes {
			want(t, "alive", alive(x), "n1 n2 n3")
		}
		n.Split([]string{"10.0.0.1", "10.0.0.2"}, []string{"10.0.0.3"})
		time.Sleep(20 * time.Second)
		want(t, "majority", alive(nodes[0]), "n1 n2")
		want(t, "minority", alive(nodes[2]), "n3")
		if got := testutil.ToFloat64(failedPeers{nodes[0].reg}); got != 1 {
			t.Errorf("alertmanager_cluster_failed_peers is %v, want 1", got)
		}
		n.Heal()
		time.Sleep(15 * time.Second)
		for _, x := range nodes {
			want(t, "healed", alive(x), "n1 n2 n3")
			x.stop()
		}
		clustertest.Drain()
	})
}

// failedPeers picks one gauge out of a registry.
type failedPeers struct{ reg *prometheus.Registry }

func (f failedPeers) Describe(ch chan<- *prometheus.Desc) {
	ch <- prometheus.NewDesc("failed", "", nil, nil)
}

func (f failedPeers) Collect(ch chan<- prometheus.Metric) {
	families, err := f.reg.Gather()
	if err != nil {
		return
	}
	for _, fam := range families {
		if fam.GetName() == "alertmanager_cluster_failed_peers" {
			ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("failed", "", nil, nil),
				prometheus.GaugeValue, fam.GetMetric()[0].GetGauge().GetValue())
		}
	}
}

func TestLossyNetworkStaysTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(7)
		nodes := three(t, n)
		time.Sleep(2 * time.Second)
		for _, pair := range [][2]string{{"10.0.0.1", "10.0.0.2"}, {"10.0.0.1", "10.0.0.3"}, {"10.0.0.2", "10.0.0.3"}} {
			n.Loss(pair[0], pair[1], 0.3)
		}
		time.Sleep(5 * time.Minute)
		if n.Lost() == 0 {
			t.Fatal("no packet was lost; the fault does nothing")
		}
		for _, x := range nodes {
			want(t, "alive", alive(x), "n1 n2 n3")
			x.stop()
		}
		clustertest.Drain()
	})
}

func TestFactsAndMessagesSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := three(t, clustertest.New(1))
		time.Sleep(3 * time.Second)
		if err := nodes[0].UpdateMeta(func(m *gossip.Meta) { m.ConfigRev = 42; m.Flags |= gossip.FlagDegraded }); err != nil {
			t.Fatal(err)
		}
		if err := nodes[0].Spread("k", []byte("older")); err != nil {
			t.Fatal(err)
		}
		if err := nodes[0].Spread("k", []byte("newer")); err != nil {
			t.Fatal(err)
		}
		// As long as each other: memberlist's own queue would drop one.
		if err := nodes[0].Spread("l", []byte("other")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		for _, x := range nodes[1:] {
			m, ok := x.Member("n1")
			if !ok || m.ConfigRev != 42 || !m.Is(gossip.FlagDegraded) {
				t.Errorf("n1 is seen as %+v", m)
			}
			// The older one may have left before the newer took its place.
			got := x.got.String()
			if !strings.Contains(got, "newer") || !strings.Contains(got, "other") || strings.LastIndex(got, "older") > strings.Index(got, "newer") {
				t.Errorf("messages received: %q", got)
			}
		}
		if err := nodes[0].Spread("big", make([]byte, gossip.MaxMessage+1)); err == nil {
			t.Error("a message that fits no packet was taken")
		}
		for _, x := range nodes {
			x.stop()
		}
		clustertest.Drain()
	})
}

func TestOtherClusterIsRefusedByNameAndSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		a := open(t, n, 1, nil, func(o *gossip.Options) { o.Meta.Cluster = "red" })
		b := open(t, n, 2, []string{"10.0.0.1:9094"}, func(o *gossip.Options) { o.Meta.Cluster = "blue" })
		c := open(t, n, 3, []string{"10.0.0.1:9094"}, func(o *gossip.Options) { o.Meta.Cluster = "red" })
		time.Sleep(time.Minute)
		want(t, "red 1", alive(a), "n1 n3")
		want(t, "blue", alive(b), "n2")
		want(t, "red 3", alive(c), "n1 n3")
		if got := strings.Count(a.log.String(), "refused a node of another cluster"); got != 1 {
			t.Errorf("said %d times, want once:\n%s", got, a.log)
		}
		if !strings.Contains(a.log.String(), "its_cluster=blue") {
			t.Error("the other cluster is not named")
		}
		a.stop()
		b.stop()
		c.stop()
		clustertest.Drain()
	})
}

func TestLabelKeepsClustersApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		a := open(t, n, 1, nil, func(o *gossip.Options) { o.Label = "red" })
		b := open(t, n, 2, []string{"10.0.0.1:9094"}, func(o *gossip.Options) { o.Label = "blue" })
		time.Sleep(30 * time.Second)
		want(t, "red", alive(a), "n1")
		want(t, "blue", alive(b), "n2")
		a.stop()
		b.stop()
		clustertest.Drain()
	})
}

func TestPeersAreResolvedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		a := open(t, n, 1, []string{"other.test:9094"})
		b := open(t, n, 2, nil)
		time.Sleep(30 * time.Second)
		want(t, "before the name exists", alive(a), "n1")
		n.Name("other.test", "10.0.0.2")
		time.Sleep(15 * time.Second)
		want(t, "after", alive(a), "n1 n2")
		a.stop()
		b.stop()
		clustertest.Drain()
	})
}

func TestNodeReturnsUnderAnotherAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		a := open(t, n, 1, nil)
		b := open(t, n, 2, []string{"10.0.0.1:9094"})
		time.Sleep(5 * time.Second)
		if err := b.Leave(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		b.stop()
		time.Sleep(time.Second)
		want(t, "left", alive(a), "n1")
		b = open(t, n, 9, []string{"10.0.0.1:9094"}, func(o *gossip.Options) { o.Meta.ID = "n2" })
		time.Sleep(5 * time.Second)
		m, _ := a.Member("n2")
		want(t, "address", m.Address, "10.0.0.9:9094")
		a.stop()
		b.stop()
		clustertest.Drain()
	})
}

func TestStopDoesNotWaitForADeadPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		n.Split([]string{"10.0.0.1"}, []string{"10.0.0.2"})
		a := open(t, n, 1, []string{"10.0.0.2:9094"})
		time.Sleep(500 * time.Millisecond) // it is dialling
		begin := time.Now()
		done := make(chan struct{})
		go func() { a.stop(); close(done) }()
		time.Sleep(100 * time.Millisecond)
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		<-done
		if took := time.Since(begin); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		clustertest.Drain()
	})
}

func TestMetaWireForm(t *testing.T) {
	m := gossip.Meta{
		ID: "id", Cluster: "c", Name: "name", Version: "v", Raft: "10.0.0.1:9095", API: "http://a:9093",
		ConfigRev: 7, Commands: 1, Expect: 3, Flags: gossip.FlagVoter | gossip.FlagEmpty,
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// A newer node says something that we do not know.
	b = append(b, 0xf8, 0x01, 0x05, 0xf2, 0x01, 0x02, 'h', 'i')
	got, err := gossip.DecodeMeta(b)
	if err != nil || got != m {
		t.Errorf("got %+v, %v", got, err)
	}
	for i := 1; i < len(b); i++ {
		_, _ = gossip.DecodeMeta(b[:i]) // must not panic
	}
	if _, err := gossip.DecodeMeta(nil); err == nil {
		t.Error("nothing was taken for facts")
	}
	m.Name = strings.Repeat("x", 500)
	if _, err := m.Encode(); err == nil {
		t.Error("facts that do not fit were encoded")
	}
}

func TestLoopback(t *testing.T) {
	open := func(id string, peers ...string) *gossip.Gossip {
		g, err := gossip.Open(gossip.Options{Meta: gossip.Meta{ID: model.NodeID(id)}, Bind: "127.0.0.1:0", Peers: peers})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	a := open("a")
	b := open("b", a.Address())
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { b.Run(ctx) })
	deadline := time.After(10 * time.Second)
	for len(a.Members()) < 2 {
		select {
		case <-a.Events():
		case <-deadline:
			t.Fatal("the nodes did not meet")
		}
	}
	cancel()
	wg.Wait()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestPeersThatAThirdHasMetMeetEachOther: the third comes when the second has
// looked for it already, and no gossip tells the second of it.
func TestPeersThatAThirdHasMetMeetEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		all := []string{"10.0.0.1:9094", "10.0.0.2:9094", "10.0.0.3:9094"}
		silent := func(o *gossip.Options) {
			o.Timing.GossipInterval, o.Timing.PushPullInterval, o.Timing.ProbeInterval = time.Hour, time.Hour, time.Hour
		}
		a, b := open(t, n, 1, nil, silent), open(t, n, 2, all, silent)
		time.Sleep(100 * time.Millisecond)
		c := open(t, n, 3, all[:1], silent)
		time.Sleep(2 * time.Second)
		want(t, "the second", alive(b), "n1 n2 n3")
		a.stop()
		b.stop()
		c.stop()
		time.Sleep(2 * time.Hour)
	})
}
