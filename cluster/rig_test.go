package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cluster"
	"tocsin/cluster/clustertest"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

// rig is a network of machines that nodes can be started on, inside a bubble.
type rig struct {
	*testing.T
	net  *clustertest.Network
	root string
	mu   sync.Mutex
	logs map[int]*strings.Builder
}

// node is a running node with its files.
type node struct {
	*cluster.Node
	i       int
	rig     *rig
	state   *store.State
	machine *fsm.Machine
	local   *store.Local
	cancel  context.CancelFunc
	done    chan error
}

// bubble runs f in a synctest bubble, which fails if a goroutine outlives it.
func bubble(t *testing.T, f func(r *rig)) {
	t.Helper()
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f(&rig{T: t, net: clustertest.New(1), root: root, logs: make(map[int]*strings.Builder)})
		clustertest.Drain()
	})
}

type option func(*cluster.Options)

func peers(of ...int) option {
	return func(o *cluster.Options) {
		for _, i := range of {
			o.Peers = append(o.Peers, ip(i)+":9094")
		}
	}
}

func expect(n int) option { return func(o *cluster.Options) { o.BootstrapExpect = n } }

func ip(i int) string { return fmt.Sprintf("10.0.0.%d", i) }

func (r *rig) dir(i int) string { return filepath.Join(r.root, fmt.Sprintf("node%d", i)) }

// start starts a node on machine i with the data folder of that number.
func (r *rig) start(i int, more ...option) *node {
	r.Helper()
	n, err := r.open(i, more...)
	if err != nil {
		r.Fatalf("open node %d: %v", i, err)
	}
	n.run()
	return n
}

// run runs a node that open has made.
func (n *node) run() {
	n.TakeTurns()
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel, n.done = cancel, make(chan error, 1)
	go func() { n.done <- n.Run(ctx) }()
}

func (r *rig) open(i int, more ...option) (*node, error) {
	r.Helper()
	host := r.net.Host(ip(i))
	if err := os.MkdirAll(r.dir(i), 0o700); err != nil {
		return nil, err
	}
	n := &node{i: i, rig: r}
	var err error
	if n.state, err = store.OpenState(filepath.Join(r.dir(i), "state.db"), store.Options{NoSync: true}); err != nil {
		return nil, err
	}
	if n.local, err = store.OpenLocal(filepath.Join(r.dir(i), "local.db"), store.Options{NoSync: true}); err != nil {
		return nil, err
	}
	if n.machine, err = fsm.Open(fsm.Options{State: n.state}); err != nil {
		return nil, err
	}
	transport, err := host.Gossip(9094)
	if err != nil {
		return nil, err
	}
	stream, err := host.Listen(9095)
	if err != nil {
		return nil, err
	}
	opts := cluster.Options{
		DataDir:    r.dir(i),
		Name:       fmt.Sprintf("am%d", i),
		Version:    "test",
		GossipBind: host.Address(9094),
		APIAddress: host.Address(9093),
		Machine:    n.machine,
		Local:      n.local,
		Logger:     slog.New(slog.NewTextHandler(&tagged{r, i}, &slog.HandlerOptions{Level: logLevel()})),
		Transports: cluster.Transports{Gossip: transport, Stream: stream, Dial: host.Dial, Resolve: host.Resolve},
	}
	for _, f := range more {
		f(&opts)
	}
	n.Node, err = cluster.Open(opts)
	if err != nil {
		_ = transport.Shutdown()
		_ = stream.Close()
		n.closeFiles()
		return nil, err
	}
	return n, nil
}

func logLevel() slog.Level {
	if os.Getenv("TOCSIN_TEST_DEBUG") != "" {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// tagged collects a node's log, and shows it if the test is verbose.
type tagged struct {
	r *rig
	i int
}

func (w *tagged) Write(b []byte) (int, error) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	if w.r.logs[w.i] == nil {
		w.r.logs[w.i] = &strings.Builder{}
	}
	if testing.Verbose() {
		fmt.Printf("node%d %s", w.i, b)
	}
	return w.r.logs[w.i].Write(b)
}

func (r *rig) log(i int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logs[i] == nil {
		return ""
	}
	return r.logs[i].String()
}

// stop ends a node in good order.
func (n *node) stop() {
	n.rig.Helper()
	n.cancel()
	if err := <-n.done; err != nil {
		n.rig.Errorf("node %d ended with: %v", n.i, err)
	}
	n.closeFiles()
}

// kill ends a node as if its machine were cut off and its process killed: it
// hands nothing over and says no good-bye.
func (n *node) kill() {
	n.rig.Helper()
	for i := 1; i < 10; i++ {
		if i != n.i {
			n.rig.net.Split([]string{ip(n.i)}, []string{ip(i)})
		}
	}
	n.rig.net.Crash(ip(n.i))
	if err := n.Node.Close(); err != nil {
		n.rig.Logf("node %d closed with: %v", n.i, err)
	}
	<-n.done
	n.closeFiles()
}

func (n *node) closeFiles() {
	if n.machine != nil {
		_ = n.machine.Close()
	}
	if n.local != nil {
		_ = n.local.Close()
	}
	if n.state != nil {
		_ = n.state.Close()
	}
}

// until waits for ok in the bubble's time and reports how long it took.
func (r *rig) until(limit time.Duration, what string, ok func() bool) time.Duration {
	r.Helper()
	begin := time.Now()
	for !ok() {
		if time.Since(begin) > limit {
			r.Fatalf("%s: not within %v", what, limit)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begin)
}

func (n *node) isReady() bool {
	select {
	case <-n.Ready():
		return true
	default:
		return false
	}
}

// trio starts three nodes that form a cluster, and waits until all can write.
func (r *rig) trio(more ...option) []*node {
	r.Helper()
	var out []*node
	for i := 1; i <= 3; i++ {
		out = append(out, r.start(i, append([]option{peers(1, 2, 3), expect(3)}, more...)...))
	}
	r.until(10*time.Second, "three nodes ready", func() bool {
		return out[0].isReady() && out[1].isReady() && out[2].isReady()
	})
	return out
}

func leaderOf(nodes ...*node) *node {
	for _, n := range nodes {
		if n.Status().State == cluster.StateLeader {
			return n
		}
	}
	return nil
}

func others(all []*node, not *node) []*node {
	var out []*node
	for _, n := range all {
		if n != not {
			out = append(out, n)
		}
	}
	return out
}

func stopAll(nodes ...*node) {
	for _, n := range nodes {
		n.stop()
	}
}

// silence is one silence with a name as its comment.
func silence(id string) command.Command {
	return command.PutSilence{Silence: model.Silence{
		ID: id, StartsAt: 1, EndsAt: model.Millis(time.Now().Add(1000 * time.Hour).UnixMilli()), Comment: id,
		MatcherSets: [][]model.Matcher{{{Name: "a", Value: "b"}}},
	}}
}

// put writes a silence through n and fails the test if that does not work.
func (n *node) put(id string) {
	n.rig.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	rs, err := n.Propose(ctx, silence(id))
	if err != nil {
		n.rig.Fatalf("put %s through node %d: %v", id, n.i, err)
	}
	if !rs[0].Done() {
		n.rig.Fatalf("put %s through node %d: %v %s", id, n.i, rs[0].Code, rs[0].Detail)
	}
	if !n.has(id) {
		n.rig.Errorf("node %d does not see the silence %s that it has just acknowledged (I14)", n.i, id)
	}
}

func (n *node) has(id string) bool {
	_, ok := n.machine.View().Silence(id)
	return ok
}

func key(s string) model.DeliveryKey {
	return model.DeliveryKey{Group: "{}:{a=\"" + s + "\"}", Receiver: "r", Integration: "webhook/1"}
}

func token(i byte) (t model.Token) {
	t[0], t[15] = i, 1
	return t
}

func (n *node) claim(k model.DeliveryKey, t model.Token) (model.Grant, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var rev uint64
	if e, ok := n.Entry(k); ok {
		rev = e.Rev
	}
	return n.Claim(ctx, model.ClaimRequest{
		Key: k, Token: t, Node: n.ID(), BaseRev: rev, Firing: model.NewAlertSet(1, 2), Reason: model.ReasonFirst,
	})
}

// sameState checks that all nodes come to the same state (I5).
func (r *rig) sameState(nodes ...*node) {
	r.Helper()
	r.until(10*time.Second, "equal index", func() bool {
		for _, n := range nodes[1:] {
			if n.machine.View().Index() != nodes[0].machine.View().Index() {
				return false
			}
		}
		return true
	})
	for _, n := range nodes[1:] {
		if a, b := nodes[0].machine.View(), n.machine.View(); a.Index() == b.Index() && a.StateHash() != b.StateHash() {
			r.Errorf("nodes %d and %d differ at index %d (I5)", nodes[0].i, n.i, a.Index())
		}
	}
}

func newRegistry() *prometheus.Registry { return prometheus.NewRegistry() }

// gather is the first value of every gauge and counter.
func gather(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]float64)
	for _, f := range families {
		m := f.GetMetric()[0]
		switch {
		case m.GetGauge() != nil:
			out[f.GetName()] = m.GetGauge().GetValue()
		case m.GetCounter() != nil:
			out[f.GetName()] = m.GetCounter().GetValue()
		default:
			out[f.GetName()] = 0
		}
	}
	return out
}
