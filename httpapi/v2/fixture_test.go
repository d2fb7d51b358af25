package v2_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
	"tocsin/httpapi/intake"
	"tocsin/httpapi/refusal"
	"tocsin/httpapi/v2"
	"tocsin/httpapi/view"
)

// now is the time of all tests.
var now = time.Date(2026, 11, 21, 2, 3, 4, 567_000_000, time.UTC)

func TestMain(m *testing.M) {
	flags, err := featurecontrol.NewFlags(slog.New(slog.DiscardHandler), "")
	if err != nil {
		panic(err)
	}
	compat.InitFromFlags(slog.New(slog.DiscardHandler), flags)
	m.Run()
}

// node is an API with fakes around it; the alert store and decoder are real.
type node struct {
	store    *alert.Store
	disp     *fakeDispatcher
	silences *fakeSilences
	cluster  view.Cluster
	config   *view.Config
	handler  http.Handler
}

func newNode(tb testing.TB) *node {
	tb.Helper()
	n := &node{
		store:    alert.NewStore(alert.Options{}),
		silences: &fakeSilences{all: map[string]*model.Silence{}},
		cluster:  threeNodes(),
		config: &view.Config{
			Rev: 3, Original: "route:\n  receiver: team-x\n# <secret>\n", ResolveTimeout: 5 * time.Minute,
			Receivers: []view.Receiver{
				{Name: "team-x", Labels: map[string]string{"name": "team-x", "owner": "x"}},
				{Name: "team-y", Labels: map[string]string{"name": "team-y", "owner": "y"}},
				{Name: "unused", Labels: map[string]string{"name": "unused"}},
			},
		},
	}
	n.disp = &fakeDispatcher{store: n.store, status: map[uint64]dispatcher.AlertStatus{}}
	clock := func() time.Time { return now }
	cfg := func() *view.Config { return n.config }
	door := intake.New(intake.Options{
		Decoder: alert.NewDecoder(alert.DecoderOptions{Known: n.store}), Dispatcher: n.disp, Config: cfg, Logger: slog.New(slog.DiscardHandler), Now: clock,
	})
	api := v2.New(v2.Options{
		Alerts: n.store, Dispatcher: n.disp, Silences: n.silences, Writer: n.silences, Intake: door,
		Cluster: func() view.Cluster { return n.cluster }, Config: cfg, MaxSilenceBytes: 4000,
		Build:   view.Build{Version: "0.1.0", Revision: "abc", Branch: "main", BuildUser: "me", BuildDate: "today", GoVersion: "go1.26"},
		Started: now.Add(-time.Hour), Logger: slog.New(slog.DiscardHandler), Now: clock,
	})
	e := echo.New()
	e.HTTPErrorHandler = api.Fault
	api.Register(e.Group("/api/v2"))
	n.handler = e
	return n
}

func threeNodes() view.Cluster {
	peer := func(name, gossip string, alive bool) view.Peer {
		return view.Peer{ID: model.NodeID("id-" + name), Name: name, Gossip: gossip, Alive: alive, Member: true, Voter: true}
	}
	return view.Cluster{
		Enabled: true, ID: "c1", Self: "id-b", Name: "b", Ready: true, Leader: "id-c",
		Quorum: model.Quorum{Held: true, Reachable: 2, Voters: 3},
		Peers:  []view.Peer{peer("c", "10.0.0.3:9094", true), peer("b", "10.0.0.2:9094", true), peer("a", "10.0.0.1:9094", false)},
	}
}

// do sends one request. Headers are pairs of name and value.
func (n *node) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, target, r)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if req.Header.Del(headers[i]); headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, req)
	return w
}

// put makes alerts of label lists like "alertname=A,severity=w".
func (n *node) put(labels ...string) {
	for i, text := range labels {
		a := alert.Of(labelsOf(text))
		a.Annotations = alert.NewAnnotations(map[string]string{"summary": fmt.Sprintf("It is \"%d\" <b>", i)})
		a.StartsAt = alert.Nanos(now.Add(-time.Minute))
		a.EndsAt = alert.Nanos(now.Add(4 * time.Minute))
		a.UpdatedAt = alert.Nanos(now.Add(-time.Second))
		n.store.Put(now, []alert.Alert{a})
	}
}

func labelsOf(text string) alert.Labels {
	m := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			m[name] = value
		}
	}
	return alert.NewLabels(m)
}

// fakeDispatcher routes alerts of severity "both" to two receivers, and all
// others to the first. Alerts are active unless status says otherwise.
type fakeDispatcher struct {
	store  *alert.Store
	status map[uint64]dispatcher.AlertStatus
	groups []dispatcher.GroupView
	// asked counts questions after a status.
	asked int
}

func (d *fakeDispatcher) Post(alerts []alert.Alert) alert.PutResult { return d.store.Put(now, alerts) }

func (d *fakeDispatcher) Status(a *alert.Alert) dispatcher.AlertStatus {
	d.asked++
	if st, ok := d.status[a.Fingerprint]; ok {
		return st
	}
	return dispatcher.AlertStatus{State: dispatcher.StateActive}
}

var oneReceiver, twoReceivers = []string{"team-x"}, []string{"team-y", "team-x"}

func (d *fakeDispatcher) Receivers(a *alert.Alert) []string {
	if a.Labels.Get("severity") == "both" {
		return twoReceivers
	}
	return oneReceiver
}

// Groups keeps what the filter wants of the groups that the test made.
func (d *fakeDispatcher) Groups(f dispatcher.GroupFilter) []dispatcher.GroupView {
	var out []dispatcher.GroupView
	for _, g := range d.groups {
		if !f.Receiver(g.Receiver) {
			continue
		}
		var kept []dispatcher.GroupedAlert
		for _, a := range g.Alerts {
			if f.Alert(a.Alert, d.Status(a.Alert)) {
				kept = append(kept, a)
			}
		}
		if g.Alerts = kept; len(kept) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// suppress makes the fake call an alert suppressed.
func (d *fakeDispatcher) suppress(labels string, st dispatcher.AlertStatus) {
	st.State = dispatcher.StateSuppressed
	d.status[labelsOf(labels).Fingerprint()] = st
}

// fakeSilences is a state of silences that carries plans out, or refuses to.
type fakeSilences struct {
	mu  sync.Mutex
	all map[string]*model.Silence
	rev uint64
	// refuse are the errors of the next writes; before each, meddle runs.
	refuse []error
	meddle func()
	plans  []silence.Plan
}

func (f *fakeSilences) Silence(id string) (*model.Silence, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.all[id]
	return s, ok
}

// Silences has the largest ID first, which is the order that no answer has.
func (f *fakeSilences) Silences() iter.Seq[*model.Silence] {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.Collect(maps.Values(f.all))
	slices.SortFunc(all, func(a, b *model.Silence) int { return cmp.Compare(b.ID, a.ID) })
	return slices.Values(all)
}

func (f *fakeSilences) WriteSilence(_ context.Context, p silence.Plan) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.meddle != nil {
		f.meddle()
	}
	f.plans = append(f.plans, p)
	if len(f.refuse) > 0 {
		err := f.refuse[0]
		f.refuse = f.refuse[1:]
		return err
	}
	if p.Put.ID != "" && p.BaseRev != 0 && f.all[p.Put.ID].Rev != p.BaseRev {
		return fmt.Errorf("propose: %w", &refusal.Denied{Reason: refusal.ErrConflict})
	}
	f.rev++
	if old := f.all[p.Expire]; old != nil {
		ended := *old
		ended.EndsAt, ended.UpdatedAt, ended.Rev = p.At, p.At, f.rev
		ended.StartsAt = min(ended.StartsAt, p.At)
		f.all[p.Expire] = &ended
	}
	if p.Put.ID != "" {
		s := p.Put
		s.Rev = f.rev
		f.all[s.ID] = &s
	}
	return nil
}

// keep puts a silence there as it is.
func (f *fakeSilences) keep(s model.Silence) {
	f.rev++
	s.Rev = f.rev
	f.all[s.ID] = &s
}

func millis(d time.Duration) model.Millis { return model.Millis(now.Add(d).UnixMilli()) }
