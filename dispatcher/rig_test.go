package dispatcher_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/notify"
	"tocsin/dispatcher/route"
	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
)

// rig is a cluster of dispatchers in a bubble of virtual time, with one ledger
// and one receiver that writes down what it is told. Its zero is the moment of
// its making; all times in tests count from there.
type rig struct {
	t      *testing.T
	zero   time.Time
	ledger *ledger
	gossip *gossip
	mouths []*mouth
	nodes  []*node
	sils   *silences

	// starts counts nodes made: it is their epoch.
	starts uint64
	// graves are nodes that were killed.
	graves []*node

	mu   sync.Mutex
	told []telling
	// answer is what a receiver answers to its nth request, from 1; nil is ok.
	answer func(ctx context.Context, n int, m *notify.Message) notify.Result
	// asked is when they were asked.
	asked []time.Duration
}

// telling is a message that a receiver got.
type telling struct {
	at               time.Duration
	node             model.NodeID
	receiver         string
	firing, resolved string
	reason           model.Reason
	id               string
	degraded         bool
	alerts           []notify.Told
}

func (t telling) String() string {
	s := fmt.Sprintf("%v %s", t.at, t.receiver)
	if t.firing != "" {
		s += " firing " + t.firing
	}
	if t.resolved != "" {
		s += " resolved " + t.resolved
	}
	return s
}

type node struct {
	*dispatcher.Dispatcher
	rig   *rig
	id    model.NodeID
	seat  *seat
	mouth *mouth
	store *alert.Store
	// shift is how far the node's wall clock is ahead.
	shift atomic.Int64
	reg   *prometheus.Registry
	ran   chan struct{}
	// answer is the receiver's answer to this node, instead of the rig's. gone:
	// nothing that the node does is heard of any more.
	answer func(ctx context.Context, n int, m *notify.Message) notify.Result
	gone   atomic.Bool
	// connect is what has to be done before a request can be written.
	connect func()
}

// options change a node before it is made.
type options func(*dispatcher.Options)

// inBubble runs a test with a rig of n nodes.
func inBubble(t *testing.T, n int, yaml string, f func(r *rig), opts ...options) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, zero: time.Now(), ledger: newLedger(), gossip: newGossip(), sils: &silences{}}
		r.ledger.config = 1
		for i := range n {
			r.add(i, n, opts...)
		}
		defer func() {
			for _, n := range r.nodes {
				n.stop()
			}
			for _, n := range r.graves {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				_ = n.Stop(ctx)
				<-n.ran
			}
		}()
		for _, n := range r.nodes {
			n.use(1, yaml)
		}
		f(r)
	})
}

func (r *rig) add(i, of int, opts ...options) *node {
	n := &node{
		rig: r, id: model.NodeID(fmt.Sprintf("n%d", i)), store: alert.NewStore(alert.Options{}),
		seat: &seat{ledger: r.ledger, rank: i, of: of, reachable: of, voters: of},
		reg:  prometheus.NewRegistry(),
	}
	n.mouth = &mouth{gossip: r.gossip, node: n.id, heard: make(map[model.NodeID]map[model.DeliveryKey]model.Overlay), all: &r.mouths}
	r.mouths = append(r.mouths, n.mouth)
	var log io.Writer = io.Discard
	if os.Getenv("RIG_LOG") != "" {
		log = os.Stderr
	}
	o := dispatcher.Options{
		Ledger: n.seat, Peers: n.seat, Overlay: n.mouth, Store: n.store, Node: n.id,
		Silences: silence.NewMuter(func() silence.View { return r.sils.view() }),
		Now:      n.now, Registerer: n.reg,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", n.id),
	}
	r.starts++
	o.Epoch = r.starts
	for _, f := range opts {
		f(&o)
	}
	n.Dispatcher = dispatcher.New(o)
	n.run()
	r.nodes = append(r.nodes, n)
	return n
}

func (n *node) run() {
	n.ran = make(chan struct{})
	go func() {
		defer close(n.ran)
		_ = n.Run(context.Background())
	}()
}

func (n *node) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		n.rig.t.Errorf("stop %s: %v", n.id, err)
	}
	<-n.ran
}

func (n *node) now() time.Time { return time.Now().Add(time.Duration(n.shift.Load())) }

// use applies a configuration. A receiver gets one integration for each webhook
// that it has; a webhook wants no resolved alerts if send_resolved is false.
func (n *node) use(rev uint64, yaml string) {
	n.rig.t.Helper()
	c, err := amconfig.Load(yaml)
	if err != nil {
		n.rig.t.Fatalf("load configuration: %v", err)
	}
	tree, err := route.New(c.Route)
	if err != nil {
		n.rig.t.Fatal(err)
	}
	intervals := make(map[string][]timeinterval.TimeInterval)
	for _, ti := range c.TimeIntervals {
		intervals[ti.Name] = ti.TimeIntervals
	}
	s := dispatcher.Setup{
		Rev: rev, Routes: tree, InhibitRules: c.InhibitRules,
		Intervals: timeinterval.NewIntervener(intervals), Receivers: make(map[string][]dispatcher.Integration),
	}
	for _, rc := range c.Receivers {
		for i, w := range rc.WebhookConfigs {
			s.Receivers[rc.Name] = append(s.Receivers[rc.Name], &webhook{node: n, receiver: rc.Name, index: i, resolved: w.SendResolved()})
		}
	}
	if err := n.Use(s); err != nil {
		n.rig.t.Fatal(err)
	}
}

// webhook is an integration that tells the rig.
type webhook struct {
	node     *node
	receiver string
	index    int
	resolved bool
}

func (w *webhook) Identity() string   { return fmt.Sprintf("webhook/%d", w.index) }
func (w *webhook) SendResolved() bool { return w.resolved }
func (w *webhook) Begun()             {}
func (w *webhook) Failed(string)      {}

func (w *webhook) Send(ctx context.Context, m *notify.Message) notify.Result {
	r := w.node.rig
	r.mu.Lock()
	r.asked = append(r.asked, time.Since(r.zero))
	n, answer := len(r.asked), r.answer
	r.mu.Unlock()
	if w.node.gone.Load() {
		<-ctx.Done()
		return notify.Result{Err: ctx.Err()}
	}
	if w.node.connect != nil {
		w.node.connect()
	}
	if err := m.Check(); err != nil {
		return notify.Result{Err: err, Unsent: true, Retryable: true}
	}
	if w.node.answer != nil {
		answer = w.node.answer
	}
	if answer != nil {
		if res := answer(ctx, n, m); res.Err != nil {
			return res
		}
	}
	var firing, resolved []string
	for _, a := range m.Alerts {
		if name := a.Alert.Labels.Get("alertname"); a.Resolved {
			resolved = append(resolved, name)
		} else {
			firing = append(firing, name)
		}
	}
	if !w.resolved {
		resolved = nil
	}
	slices.Sort(firing)
	slices.Sort(resolved)
	r.mu.Lock()
	defer r.mu.Unlock()
	name := w.receiver
	if w.index > 0 {
		name += fmt.Sprint("/", w.index)
	}
	r.told = append(r.told, telling{
		at: time.Since(r.zero), node: w.node.id, receiver: name, firing: strings.Join(firing, ","), resolved: strings.Join(resolved, ","),
		reason: m.Reason, id: m.DeliveryID, degraded: m.Degraded, alerts: m.Alerts,
	})
	return notify.Result{Data: model.Data{{Key: "n", Int: int64(n), Kind: model.DatumInt}}}
}

var errRefused = errors.New("connection refused")

// until waits until the moment d after zero, and until all is quiet then.
func (r *rig) until(d time.Duration) {
	time.Sleep(d - time.Since(r.zero))
	synctest.Wait()
}

// wants compares all that was told so far, in order of time, and forgets it.
func (r *rig) wants(lines ...string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, t := range r.told {
		got = append(got, t.String())
	}
	if !slices.Equal(got, lines) {
		r.t.Fatalf("at %v told\n\t%s\nwant\n\t%s", time.Since(r.zero), strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
	r.told = nil
}

// last is the newest telling.
func (r *rig) last() telling {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) == 0 {
		r.t.Fatal("nothing was told")
	}
	return r.told[len(r.told)-1]
}

// sleeps is an answer that takes some time.
func sleeps(d time.Duration) func(context.Context, int, *notify.Message) notify.Result {
	return func(ctx context.Context, _ int, _ *notify.Message) notify.Result {
		select {
		case <-time.After(d):
			return notify.Result{}
		case <-ctx.Done():
			return notify.Result{Err: context.Cause(ctx), Retryable: true}
		}
	}
}

// fire posts alerts that fire from now on for an hour, given as alertname and
// further labels: "a", "b sev=critical".
func (n *node) fire(specs ...string) { n.post(time.Hour, specs...) }

// resolve posts alerts that end now.
func (n *node) resolve(specs ...string) { n.post(0, specs...) }

func (n *node) post(lasts time.Duration, specs ...string) {
	var batch []alert.Alert
	for _, s := range specs {
		batch = append(batch, make1(s, n.started(s, lasts), n.now().Add(lasts), n.now()))
	}
	n.Post(batch)
}

// started is when the alert began: now, or as the store has it while it fires.
func (n *node) started(spec string, lasts time.Duration) time.Time {
	a := make1(spec, n.now(), n.now(), n.now())
	if r, ok := n.store.Get(a.Hash); ok {
		if old := r.Load(); !old.Resolved(n.now()) || lasts == 0 {
			return alert.Time(old.StartsAt)
		}
	}
	return n.now()
}

func make1(spec string, starts, ends, updated time.Time) alert.Alert {
	a := alert.Of(alert.NewLabels(labelsOf(spec)))
	a.StartsAt, a.EndsAt, a.UpdatedAt = alert.Nanos(starts), alert.Nanos(ends), alert.Nanos(updated)
	return a
}

func labelsOf(spec string) map[string]string {
	fields := strings.Fields(spec)
	m := map[string]string{"alertname": fields[0]}
	for _, f := range fields[1:] {
		k, v, _ := strings.Cut(f, "=")
		m[k] = v
	}
	return m
}

func (r *rig) fire(specs ...string) {
	for _, n := range r.nodes {
		n.fire(specs...)
	}
}

func (r *rig) resolve(specs ...string) {
	for _, n := range r.nodes {
		n.resolve(specs...)
	}
}

// silences are the replicated silences of a rig.
type silences struct {
	mu  sync.Mutex
	rev uint64
	all map[string]*model.Silence
}

func (s *silences) put(id, name string, from, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rev++
	next := map[string]*model.Silence{id: {
		ID: id, Rev: s.rev, MatcherSets: [][]model.Matcher{{{Name: "alertname", Value: name}}},
		StartsAt: model.Millis(from.UnixMilli()), EndsAt: model.Millis(to.UnixMilli()),
	}}
	for k, v := range s.all {
		if k != id {
			next[k] = v
		}
	}
	s.all = next
}

func (s *silences) view() silence.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return silenceView{s.rev, s.all}
}

type silenceView struct {
	rev uint64
	all map[string]*model.Silence
}

func (v silenceView) SilenceRev() uint64 { return v.rev }

func (v silenceView) Silences() iter.Seq[*model.Silence] {
	return func(yield func(*model.Silence) bool) {
		for _, s := range v.all {
			if !yield(s) {
				return
			}
		}
	}
}

// simple is a configuration with one receiver; it takes group_wait,
// group_interval, repeat_interval.
func simple(wait, interval, repeat string) string {
	return fmt.Sprintf(`
route:
  receiver: hook
  group_by: [job]
  group_wait: %s
  group_interval: %s
  repeat_interval: %s
receivers:
- name: hook
  webhook_configs:
  - url: http://localhost/
`, wait, interval, repeat)
}

// sort puts what was told at the same moment into the order of the receivers: it
// goes out in parallel.
func (r *rig) sort() {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(r.told, func(a, b telling) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return strings.Compare(a.receiver, b.receiver)
	})
}

// tellings is a copy of what was told and not forgotten yet.
func (r *rig) tellings() []telling {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

func (r *rig) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = nil
}

// moments is when receivers were asked, in vain or not.
func (r *rig) moments() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// groupsAll wants everything.
var groupsAll = dispatcher.GroupFilter{}

// lose takes the quorum away from a node, find gives it back and merges what the
// node sent meanwhile.
func (n *node) lose() {
	n.rig.ledger.mu.Lock()
	frozen := maps.Clone(n.rig.ledger.entries)
	n.rig.ledger.mu.Unlock()
	n.seat.mu.Lock()
	defer n.seat.mu.Unlock()
	n.seat.lost, n.seat.frozen = n.now(), frozen
}

func (n *node) find() {
	n.seat.back()
	n.mouth.drain(n.rig.ledger)
}

func replaceOnce(s, old, by string) string { return strings.Replace(s, old, by, 1) }
