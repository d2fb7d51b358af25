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
		store := alert.NewStore(alert.Options{})
		n.port = &alertPort{alerts: store, now: n.now, merge: func(as []alert.Alert) alert.PutResult { return hold(store.Merge(n.now(), as)) }}
		listener, err := s.net.Host(n.ip).Listen(9095)
		if err != nil {
			rt.Fatal(err)
		}
		n.Exchange = exchange.New(exchange.Options{
			Self: n.ip, Store: n.port, Dial: s.net.Host(n.ip).Dial, Listener: listener, Expected: true, Now: n.now,
			Peers: func() []exchange.Peer { return s.peers(size) },
		})
		n.port.listen(n.Exchange)
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
	hold(n.port.alerts.Put(now, []alert.Alert{a}))
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

// step is something that happens to a swarm, and how long nothing does after it.
type step struct {
	cut, heal bool
	node      int
	name      string
	ends      time.Duration
	text      string
	pause     time.Duration
}

// drawSteps draws posts with pauses of least to 8 s, and cuts.
func drawSteps(t *rapid.T, least time.Duration, cuts bool) []step {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		s := step{
			node:  rapid.IntRange(0, 2).Draw(t, "node"),
			pause: time.Duration(rapid.Int64Range(int64(least), int64(8*time.Second)).Draw(t, "pause")),
		}
		switch what := rapid.IntRange(0, 6).Draw(t, "what"); {
		case cuts && what == 0:
			s.cut = true
		case cuts && what == 1:
			s.heal = true
		default:
			s.name, s.text = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "text")
			s.ends = time.Duration(rapid.IntRange(-5, 120).Draw(t, "ends")) * time.Second
		}
		return s
	}), 1, 12).Draw(t, "steps")
}

func (s *swarm) do(st step) {
	n, other := s.nodes[st.node], s.nodes[(st.node+1)%3]
	switch {
	case st.cut:
		s.net.Cut(n.ip, other.ip)
		s.net.Cut(other.ip, n.ip)
	case st.heal:
		s.net.Heal()
	default:
		n.post(st.name, st.ends, st.text)
	}
	time.Sleep(st.pause)
}

// inBubble runs f for a swarm of three. Nothing may be drawn in it, nor fail:
// rapid does both by panics.
func inBubble(t *testing.T, rt *rapid.T, skews []time.Duration, f func(*swarm) error) {
	t.Helper()
	var err error
	synctest.Test(t, func(*testing.T) {
		s := newSwarm(rt, 3, skews)
		defer s.close()
		err = f(s)
	})
	if err != nil {
		rt.Fatal(err)
	}
}

func drawSkews(t *rapid.T) []time.Duration {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(-2000, 2000).Draw(t, "ms")) * time.Millisecond
	}), 3, 3).Draw(t, "skews")
}

// TestExchangedStoresEndEqual: whatever is posted where, under whatever cuts and
// clocks, seconds after the last cut has healed all nodes have the same.
func TestExchangedStoresEndEqual(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt, 0, true)
		inBubble(t, rt, drawSkews(rt), func(s *swarm) error {
			for _, st := range steps {
				s.do(st)
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
	})
}

// TestExchangedStoresAreOne: posts to any node, each after the one before has had
// time to travel, leave every node with what one node has that gets them all.
func TestExchangedStoresAreOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt, 1100*time.Millisecond, false)
		inBubble(t, rt, make([]time.Duration, 3), func(s *swarm) error {
			one := &swarmNode{port: &alertPort{alerts: alert.NewStore(alert.Options{}), now: time.Now}}
			for _, st := range steps {
				one.post(st.name, st.ends, st.text)
				s.do(st)
			}
			for _, n := range s.nodes {
				if a, b := one.state(), n.state(); !maps.Equal(a, b) {
					return fmt.Errorf("one node has %v\nthis one has %v", a, b)
				}
			}
			return nil
		})
	})
}

// TestNoTimeoutWhileRefreshed: an alert that one source keeps alive, now on this
// node and now on that, is over on none (I17), however short its ends.
func TestNoTimeoutWhileRefreshed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ends := time.Duration(rapid.IntRange(500, 20_000).Draw(rt, "ends")) * time.Millisecond
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			return step{
				node: rapid.IntRange(0, 2).Draw(t, "node"), name: "a", text: "x", ends: ends,
				pause: time.Duration(rapid.Int64Range(int64(ends)/4, int64(ends)-int64(50*time.Millisecond)).Draw(t, "pause")),
			}
		}), 2, 10).Draw(rt, "steps")
		inBubble(t, rt, make([]time.Duration, 3), func(s *swarm) error {
			for _, st := range steps {
				next := time.Now().Add(st.pause)
				s.nodes[st.node].post(st.name, st.ends, st.text)
				for time.Sleep(10 * time.Millisecond); time.Now().Before(next); time.Sleep(50 * time.Millisecond) {
					if i := slices.IndexFunc(s.nodes, (*swarmNode).over); i >= 0 {
						return fmt.Errorf("over on node %d at %v: %v", i, time.Now(), s.nodes[i].state())
					}
				}
			}
			return nil
		})
	})
}

// over reports whether the node lacks an alert that fires.
func (n *swarmNode) over() bool {
	for r := range n.port.alerts.All() {
		return r.Load().Resolved(n.now())
	}
	return true
}
