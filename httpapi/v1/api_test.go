package v1_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher/alert"
	"tocsin/httpapi/intake"
	"tocsin/httpapi/v1"
	"tocsin/httpapi/view"
)

var now = time.Date(2026, 11, 21, 2, 3, 4, 567_000_000, time.UTC)

type node struct {
	store   *alert.Store
	cluster view.Cluster
	config  *view.Config
	handler http.Handler
}

// Post puts what was posted into the store, as the dispatcher does.
func (n *node) Post(a []alert.Alert) alert.PutResult { return n.store.Put(now, a) }

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{
		store: alert.NewStore(alert.Options{}),
		cluster: view.Cluster{Enabled: true, Ready: true, Self: "id-a", Name: "a", Peers: []view.Peer{
			{ID: "id-b", Name: "b", Gossip: "10.0.0.2:9094", Alive: true},
			{ID: "id-a", Name: "a", Gossip: "10.0.0.1:9094", Alive: true},
			{ID: "id-c", Name: "c", Gossip: "10.0.0.3:9094"},
		}},
		config: &view.Config{
			Original:       "global:\n  smtp_auth_password: <secret>\nroute:\n  receiver: default\n  group_by: [alertname]\nreceivers:\n- name: default\n",
			ResolveTimeout: time.Minute,
		},
	}
	cfg := func() *view.Config { return n.config }
	api := v1.New(v1.Options{
		Intake: intake.New(intake.Options{
			Decoder: alert.NewDecoder(alert.DecoderOptions{}), Dispatcher: n, Config: cfg,
			Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
		}),
		Cluster: func() view.Cluster { return n.cluster }, Config: cfg, Build: view.Build{Version: "1.2.3"},
		Started: now.Add(-time.Hour), Logger: slog.New(slog.DiscardHandler),
	})
	e := echo.New()
	api.Register(e.Group("/api/v1"))
	n.handler = e
	return n
}

func (n *node) do(method, target string, body io.Reader) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, httptest.NewRequest(method, target, body))
	return w
}

// Answers are those of Alertmanager 0.25. The body needs no Content-Type.
func TestPostAlerts(t *testing.T) {
	for _, tc := range []struct {
		body   string
		status int
		want   string
	}{
		{`[{"labels":{"alertname":"T","severity":"w"},"annotations":{"s":"x"}}]`, 200, `{"status":"success"}`},
		{`[]`, 200, `{"status":"success"}`},
		{`[{"labels":{"a":"b"},"startsAt":"2026-11-21T02:03:04.567Z","endsAt":"2026-11-22T02:03:04+01:00","generatorURL":"http://x/"}]`, 200, `{"status":"success"}`},
		{`[{"labels":{}}]`, 400, `{"status":"error","errorType":"bad_data","error":"at least one label pair required"}`},
	} {
		w := newNode(t).do("POST", "/api/v1/alerts", strings.NewReader(tc.body))
		if w.Code != tc.status || strings.TrimSuffix(w.Body.String(), "\n") != tc.want {
			t.Errorf("%s:\ngot  %d %s\nwant %d %s", tc.body, w.Code, w.Body, tc.status, tc.want)
		}
		if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-cache, no-store, must-revalidate" {
			t.Errorf("headers: %v", w.Header())
		}
	}
	for _, body := range []string{``, `{"a":1}`, `[null]`, `[`, `[{"labels":{"a":1}}]`} {
		w := newNode(t).do("POST", "/api/v1/alerts", strings.NewReader(body))
		if w.Code != 400 || !strings.HasPrefix(w.Body.String(), `{"status":"error","errorType":"bad_data","error":"`) {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
	w := newNode(t).do("POST", "/api/v1/alerts", io.MultiReader(strings.NewReader("["), broken{}))
	if w.Code != 400 {
		t.Errorf("a sender who breaks off: got %d %s", w.Code, w.Body)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestPostedAlertsAreTaken(t *testing.T) {
	n := newNode(t)
	n.do("POST", "/api/v1/alerts", strings.NewReader(`[{"labels":{"alertname":"T"}},{"labels":{"alertname":""}}]`))
	if n.store.Len() != 1 {
		t.Fatalf("%d alerts are there, want 1", n.store.Len())
	}
	for r := range n.store.All() {
		if got := alert.Time(r.Load().EndsAt); !got.Equal(now.Add(time.Minute)) {
			t.Errorf("ends at %v: the resolve timeout was not used", got)
		}
	}
}

func TestStatus(t *testing.T) {
	n := newNode(t)
	w := n.do("GET", "/api/v1/status", nil)
	cluster := `{"name":"a","status":"ready","peers":[{"name":"a","address":"10.0.0.1:9094"},{"name":"b","address":"10.0.0.2:9094"}]}`
	want := `{"status":"success","data":{"configYAML":"global:\n  smtp_auth_password: <secret>\nroute:\n  receiver: default\n  group_by: [alertname]\nreceivers:\n- name: default\n",` +
		`"configJSON":{"global":{"smtp_auth_password":"<secret>"},"receivers":[{"name":"default"}],"route":{"group_by":["alertname"],"receiver":"default"}},` +
		`"versionInfo":{"version":"1.2.3","revision":"","branch":"","buildUser":"","buildDate":"","goVersion":""},"uptime":"2026-11-21T01:03:04.567Z",` +
		`"clusterStatus":` + cluster + `,"cluster":` + cluster + `}}` + "\n"
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("got %d\n%s\nwant\n%s", w.Code, w.Body, want)
	}
	n.config, n.cluster = nil, view.Cluster{}
	w = n.do("GET", "/api/v1/status", nil)
	if w.Code != 200 || !json.Valid(w.Body.Bytes()) || !strings.Contains(w.Body.String(), `"clusterStatus":null`) {
		t.Errorf("before the first configuration, alone: got %d %s", w.Code, w.Body)
	}
}

func TestRemovedCalls(t *testing.T) {
	n := newNode(t)
	for _, call := range []string{"GET receivers", "GET alerts", "GET silences", "POST silences", "GET silence/x", "DELETE silence/x"} {
		method, path, _ := strings.Cut(call, " ")
		w := n.do(method, "/api/v1/"+path, nil)
		want := `{"status":"deprecated","error":"The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use the equivalent route in the v2 API"}` + "\n"
		if w.Code != http.StatusGone || w.Body.String() != want {
			t.Errorf("%s: got %d %s", call, w.Code, w.Body)
		}
	}
}
