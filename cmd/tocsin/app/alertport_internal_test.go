package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"tocsin/cluster/clustertest"
	"tocsin/cluster/exchange"
	"tocsin/dispatcher/alert"
)

// swarm is nodes that are nothing but an alert store and its exchange, in a
// bubble.
type swarm struct {
	*rapid.T
	net   *clustertest.Network
	nodes []*swarmNode
	stop  context.CancelFunc
	done  sync.WaitGroup
}

type swarmNode struct {
	*exchange.Exchange
	port *alertPort
	ip   string
	skew time.Duration
}

func newSwarm(rt *rapid.T, size int, skews []time.Duration) *swarm {
	s := &swarm{T: rt, net: clustertest.New(1)}
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	for i := range size {
		n := &swarmNode{ip: fmt.Sprintf("10.0.0.%d", i+1), skew: skews[i]}
		store := alert.NewStore(alert.Options{TellRefreshed: true})
		n.port = &alertPort{alerts: store, now: n.now, merge: func(as []alert.Alert) alert.PutResult { return hold(store.Merge(n.now(), as)) }}
		listener, err := s.net.Host(n.ip).Listen(9095)
		if err != nil {
			rt.Fatal(err)
		}
		n.Exchange = exchange.New(exchange.Options{
			Self: n.ip, Store: n.port, Dial: s.net.Host(n.ip).Dial, Listener: listener, Expected: true, Now: n.now,
			Peers: func() []exchange.Peer { return s.peers(size) },
		})
		s.nodes = append(s.nodes, n)
	}
	for _, n := range s.nodes {
		s.done.Go(func() { _ = n.Run(ctx) })
	}
	for _, n := range s.nodes {
		<-n.Synced()
	}
	time.Sleep(time.Second)
	return s
}

func (s *swarm) close() {
	s.stop()
	s.done.Wait()
	clustertest.Drain()
}

func (s *swarm) peers(size int) (out []exchange.Peer) {
	for i := range size {
		ip := fmt.Sprintf("10.0.0.%d", i+1)
		out = append(out, exchange.Peer{ID: ip, Address: ip + ":9095"})
	}
	return out
}

func (n *swarmNode) now() time.Time { return time.Now().Add(n.skew) }

// post is what the API does.
func (n *swarmNode) post(name string, ends time.Duration, text string) {
	now := n.now()
	a := alert.Of(alert.NewLabels(map[string]string{"alertname": name}))
	a.Annotations = alert.NewAnnotations(map[string]string{"text": text})
	a.StartsAt, a.EndsAt, a.UpdatedAt = now.Add(min(0, ends)).UnixNano(), now.Add(ends).UnixNano(), now.UnixNano()
	n.port.tell(n.Exchange, hold(n.port.alerts.Put(now, []alert.Alert{a})).Changes)
}

// hold does what groups do that have not told of an alert yet.
func hold(res alert.PutResult) alert.PutResult {
	for _, c := range res.Changes {
		c.Record.Hold()
	}
	return res
}

// state is all that a node knows, in words.
func (n *swarmNode) state() map[string]string {
	out := make(map[string]string)
	for r := range n.port.alerts.All() {
		a := r.Load()
		out[a.Name()] = fmt.Sprintf("[%v, %v] updated %v %v %v", alert.Time(a.StartsAt), alert.Time(a.EndsAt), alert.Time(a.UpdatedAt), a.Timeout, a.Annotations.Map())
	}
	return out
}

// inBubble runs f for a swarm of three.
func inBubble(t *testing.T, maxSkew time.Duration, f func(*swarm) error) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		skews := make([]time.Duration, 3)
		for i := range skews {
			skews[i] = time.Duration(rapid.Int64Range(-int64(maxSkew), int64(maxSkew)).Draw(rt, "skew"))
		}
		// A failure must not leave the bubble by a panic.
		var err error
		synctest.Test(t, func(*testing.T) {
			s := newSwarm(rt, 3, skews)
			defer s.close()
			err = f(s)
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// TestExchangedStoresEndEqual: whatever is posted where, under whatever cuts and
// clocks, seconds after the last cut has healed all nodes have the same, and the
// same as one node would that had all posts, if nothing was cut.
func TestExchangedStoresEndEqual(t *testing.T) {
	inBubble(t, 2*time.Second, func(s *swarm) error {
		pick, names := rapid.IntRange(0, 2), rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 12).Draw(s.T, "steps") {
			switch rapid.IntRange(0, 5).Draw(s.T, "what") {
			case 0:
				i := pick.Draw(s.T, "cut off")
				s.net.Cut(s.nodes[i].ip, s.nodes[(i+1)%3].ip)
				s.net.Cut(s.nodes[(i+1)%3].ip, s.nodes[i].ip)
			case 1:
				s.net.Heal()
			default:
				ends := time.Duration(rapid.IntRange(-5, 120).Draw(s.T, "ends")) * time.Second
				s.nodes[pick.Draw(s.T, "node")].post(names.Draw(s.T, "name"), ends, rapid.SampledFrom([]string{"x", "y"}).Draw(s.T, "text"))
			}
			time.Sleep(time.Duration(rapid.IntRange(0, 8000).Draw(s.T, "pause")) * time.Millisecond)
		}
		s.net.Heal()
		time.Sleep(10 * time.Second)
		for _, n := range s.nodes[1:] {
			if a, b := s.nodes[0].state(), n.state(); !maps.Equal(a, b) {
				return fmt.Errorf("nodes differ:\n%v\n%v", a, b)
			}
		}
		return nil
	})
}

// TestExchangedStoresAreOne: posts to any node, each after the one before has had
// time to travel, leave every node with what one node has that gets them all.
func TestExchangedStoresAreOne(t *testing.T) {
	inBubble(t, 0, func(s *swarm) error {
		one := &swarmNode{Exchange: exchange.New(exchange.Options{})}
		one.port = &alertPort{alerts: alert.NewStore(alert.Options{}), now: time.Now}
		names := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 12).Draw(s.T, "posts") {
			name, text := names.Draw(s.T, "name"), rapid.SampledFrom([]string{"x", "y"}).Draw(s.T, "text")
			ends := time.Duration(rapid.IntRange(-5, 120).Draw(s.T, "ends")) * time.Second
			one.post(name, ends, text)
			s.nodes[rapid.IntRange(0, 2).Draw(s.T, "node")].post(name, ends, text)
			time.Sleep(time.Duration(rapid.IntRange(1100, 8000).Draw(s.T, "pause")) * time.Millisecond)
		}
		for _, n := range s.nodes {
			if a, b := one.state(), n.state(); !maps.Equal(a, b) {
				return fmt.Errorf("one node has %v\nthis one has %v", a, b)
			}
		}
		return nil
	})
}

// TestNoTimeoutWhileRefreshed: an alert that one source keeps alive on any node
// is over on none (I17), however short its ends and whatever the clocks say.
func TestNoTimeoutWhileRefreshed(t *testing.T) {
	inBubble(t, 0, func(s *swarm) error {
		ends := time.Duration(rapid.IntRange(500, 60_000).Draw(s.T, "ends")) * time.Millisecond
		pauses := rapid.Int64Range(int64(ends)/4, int64(ends)-int64(50*time.Millisecond))
		for range rapid.IntRange(2, 10).Draw(s.T, "refreshes") {
			s.nodes[rapid.IntRange(0, 2).Draw(s.T, "node")].post("a", ends, "x")
			next := time.Now().Add(time.Duration(pauses.Draw(s.T, "pause")))
			for time.Sleep(10 * time.Millisecond); time.Now().Before(next); time.Sleep(10 * time.Millisecond) {
				if i := slices.IndexFunc(s.nodes, func(n *swarmNode) bool { return n.over() }); i >= 0 {
					return fmt.Errorf("over on node %d at %v: %v", i, time.Now(), s.nodes[i].state())
				}
			}
		}
		return nil
	})
}

// over reports whether the node lacks an alert that fires.
func (n *swarmNode) over() bool {
	for r := range n.port.alerts.All() {
		return r.Load().Resolved(n.now())
	}
	return true
}
