package ui_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
	"tocsin/httpapi/ui"
	"tocsin/httpapi/view"
)

var now = time.Date(2026, 11, 21, 2, 3, 4, 0, time.UTC)

// node is a page with fakes around it.
type node struct {
	store    *alert.Store
	groups   []dispatcher.GroupView
	silences []*model.Silence
	config   *model.ConfigVersion
	cluster  view.Cluster
	prefix   string
}

func (n *node) Groups(dispatcher.GroupFilter) []dispatcher.GroupView { return n.groups }

func (n *node) Status(a *alert.Alert) dispatcher.AlertStatus {
	if a.Labels.Get("muted") != "" {
		return dispatcher.AlertStatus{State: dispatcher.StateSuppressed}
	}
	return dispatcher.AlertStatus{State: dispatcher.StateActive}
}

func (n *node) Silences() iter.Seq[*model.Silence] {
	return func(yield func(*model.Silence) bool) {
		for _, s := range n.silences {
			if !yield(s) {
				return
			}
		}
	}
}

func (n *node) Active() *model.ConfigVersion { return n.config }

func (n *node) get(t *testing.T, target string) *httptest.ResponseRecorder {
	t.Helper()
	p, err := ui.New(ui.Options{
		Alerts: n.store, Dispatcher: n, Silences: n, Versions: n, Cluster: func() view.Cluster { return n.cluster },
		Prefix: n.prefix, Build: view.Build{Version: "1.2.3"}, Started: now.Add(-50 * time.Hour),
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	p.Register(e.Group(n.prefix))
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

func newNode() *node {
	peer := func(name string, alive bool) view.Peer {
		return view.Peer{
			ID: model.NodeID("id-" + name), Name: name, Gossip: name + ".example.com:9094", Raft: name + ".example.com:9095",
			Alive: alive, Member: true, Voter: true, Version: "1.2.3", ConfigRev: 4, LastSeen: now.Add(-time.Minute),
		}
	}
	return &node{store: alert.NewStore(alert.Options{}), cluster: view.Cluster{
		Enabled: true, ID: "c1", Self: "id-a", Name: "a", Ready: true, Leader: "id-b", Term: 7, Committed: 42, Applied: 42,
		Quorum: model.Quorum{Held: true, Reachable: 3, Voters: 3},
		Peers:  []view.Peer{peer("a", true), peer("b", true), peer("c", true)},
	}}
}

func millis(d time.Duration) model.Millis { return model.Millis(now.Add(d).UnixMilli()) }

// busy is a node with something in every table.
func busy() *node {
	n := newNode()
	var alerts []dispatcher.GroupedAlert
	for i, labels := range []map[string]string{
		{"alertname": "DiskFull", "instance": "db-1", "severity": "critical"},
		{"alertname": "DiskFull", "instance": "db-2"},
		{"alertname": "DiskFull", "instance": "db-3", "muted": "yes"},
	} {
		a := alert.Of(alert.NewLabels(labels))
		a.StartsAt = now.Add(-time.Duration(i+1) * 40 * time.Minute).UnixNano()
		n.store.Put(now, []alert.Alert{a})
		alerts = append(alerts, dispatcher.GroupedAlert{Alert: &a, Status: n.Status(&a)})
	}
	n.groups = []dispatcher.GroupView{
		{Receiver: "nobody", MutedBy: []string{"night"}},
		{Receiver: "team-x", Labels: alert.NewLabels(map[string]string{"alertname": "DiskFull", "x": "<script>"}), Alerts: alerts},
	}
	n.silences = []*model.Silence{
		{ID: "s1", StartsAt: 1, EndsAt: millis(90 * time.Minute), CreatedBy: "anna", Comment: "<b>moving</b> the rack", MatcherSets: [][]model.Matcher{
			{{Type: model.MatchRegexp, Name: "instance", Value: "db-.*"}, {Type: model.MatchNotEqual, Name: "severity", Value: "info"}},
			{{Name: "rack", Value: "7"}},
		}},
		{ID: "s2", StartsAt: 1, EndsAt: millis(-time.Minute), Comment: "is over"},
	}
	n.config = &model.ConfigVersion{Rev: 4, Author: "ben", Comment: "more receivers", Stamp: millis(-3 * time.Hour), YAML: []byte("password: hunter2")}
	return n
}

func TestPage(t *testing.T) {
	n := busy()
	w := n.get(t, "/")
	body := w.Body.String()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=UTF-8" {
		t.Fatalf("got %d %v", w.Code, w.Header())
	}
	for _, want := range []string{
		"<title>(2) Tocsin · a</title>", "b leads; all 3 voters are in sight.", "<b>2</b> active", "<b>1</b> suppressed",
		"<b>2</b> groups", "<b>1</b> silences", "alertname=DiskFull  x=&lt;script&gt;", "muted by night", ">2h 0m ago<",
		"instance=~&#34;db-.*&#34;  severity!=&#34;info&#34;  or  rack=&#34;7&#34;", "in 1h 30m", "&lt;b&gt;moving&lt;/b&gt; the rack",
		"Version <b>4</b>", "3h 0m ago</time> by ben: more receivers", "started 2d 2h ago", "applied 42 of 42",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("not on the page: %s", want)
		}
	}
	for _, never := range []string{"<script", "hunter2", "is over", "ZgotmplZ", "106751d"} {
		if strings.Contains(body, never) {
			t.Errorf("on the page: %s", never)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

// The policy allows the style that is on the page, and no other.
func TestPolicy(t *testing.T) {
	w := newNode().get(t, "/")
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(w.Body.String())
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("got %s", policy)
	}
}

func TestPageOfAnEmptyNode(t *testing.T) {
	n := newNode()
	n.cluster.Peers = nil
	body := n.get(t, "/").Body.String()
	for _, want := range []string{"Nothing is burning.", "No silences.", "There is no configuration yet.", "<title>Tocsin"} {
		if !strings.Contains(body, want) {
			t.Errorf("not on the page: %s", want)
		}
	}
}

func TestPageIsBounded(t *testing.T) {
	n := newNode()
	for i := range 70 {
		n.groups = append(n.groups, dispatcher.GroupView{Receiver: "r", Labels: alert.NewLabels(map[string]string{"i": fmt.Sprint(i)})})
		n.silences = append(n.silences, &model.Silence{ID: fmt.Sprint(i), EndsAt: millis(time.Hour)})
	}
	body := n.get(t, "/").Body.String()
	if got := strings.Count(body, "and 20 more"); got != 2 {
		t.Errorf("%d tables say that there is more, want 2", got)
	}
	if got := strings.Count(body, "<tr"); got != 50+50+3+3 {
		t.Errorf("%d rows", got)
	}
}

func TestBanner(t *testing.T) {
	for want, change := range map[string]func(*view.Cluster){
		`"banner good" role="status">b is the only voter`:                           func(c *view.Cluster) { c.Quorum.Voters, c.Quorum.Reachable = 1, 1 },
		`"banner good" role="status">b leads`:                                       func(*view.Cluster) {},
		`"banner warn" role="status">b leads, but only 2 of 3 voters are in sight.`: func(c *view.Cluster) { c.Quorum.Reachable = 2 },
		`"banner bad" role="status">No quorum: silences`:                            func(c *view.Cluster) { c.Quorum.Held = false },
		`"banner bad" role="status">No quorum since 02:03:04 UTC`:                   func(c *view.Cluster) { c.Quorum.Held, c.DegradedSince = false, now },
		`"banner warn" role="status">Not a member of a cluster yet: 2 of 3 nodes`:   func(c *view.Cluster) { c.Quorum.Held, c.Waiting = false, "2 of 3 nodes" },
		`"banner bad" role="status">This node&#39;s disk failed: full`:              func(c *view.Cluster) { c.Storage = "full" },
	} {
		n := newNode()
		change(&n.cluster)
		if body := n.get(t, "/").Body.String(); !strings.Contains(body, want) {
			t.Errorf("not on the page: %s\n%s", want, regexp.MustCompile(`.*banner.*`).FindString(body))
		}
	}
}

func TestLinksBelowThePrefix(t *testing.T) {
	n := busy()
	n.prefix = "/am"
	body := n.get(t, "/am/").Body.String()
	for _, link := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		if !strings.HasPrefix(link[1], "/am/") {
			t.Errorf("a link leaves the prefix: %s", link[1])
		}
	}
	for _, icon := range []string{"/am/favicon.ico", "/am/favicon.svg"} {
		if w := n.get(t, icon); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/svg+xml" {
			t.Errorf("%s: got %d %v", icon, w.Code, w.Header())
		}
	}
}
