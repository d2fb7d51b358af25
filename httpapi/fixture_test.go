package httpapi_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/plan"
	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
	"tocsin/httpapi"
	"tocsin/httpapi/access"
	"tocsin/httpapi/access/accesstest"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/view"
)

// node is a server with fakes around it.
type node struct {
	opts     httpapi.Options
	registry *prometheus.Registry
	cluster  view.Cluster
	ready    error
	reload   error
	reloads  int
	records  *accesstest.Records
	keys     *access.Keys
	server   *httpapi.Server
}

// newNode makes a server; change may alter its options before.
func newNode(t *testing.T, change func(*httpapi.Options)) *node {
	t.Helper()
	n := &node{registry: prometheus.NewRegistry(), records: &accesstest.Records{}}
	n.keys = access.NewKeys(access.KeysOptions{
		Records: func() access.Records { return n.records }, Writer: n.records, Now: time.Now,
	})
	n.cluster = view.Cluster{
		Enabled: true, Self: "id-a", Name: "a", Ready: true, Leader: "id-a",
		Quorum: model.Quorum{Held: true, Reachable: 3, Voters: 3},
		Peers:  []view.Peer{{ID: "id-a", Name: "a", Gossip: "10.0.0.1:9094", Alive: true, Member: true, Voter: true}},
	}
	store := alert.NewStore(alert.Options{})
	f := &fakes{store: store}
	n.opts = httpapi.Options{
		Alerts: store, Dispatcher: f, Decoder: alert.NewDecoder(alert.DecoderOptions{}),
		Silences: f, Writer: f, Versions: f, Planner: f, Members: f, Joining: fakeTrust{}, NodeKeys: fakeTrust{}, Ledger: f, Backups: f, Audit: f, Keys: n.keys,
		Config:     func() *view.Config { return nil },
		Cluster:    func() view.Cluster { return n.cluster },
		Reload:     func(context.Context) error { n.reloads++; return n.reload },
		Ready:      func() error { return n.ready },
		Gatherer:   n.registry,
		Registerer: n.registry,
		Build:      view.Build{Version: "1.2.3"},
		Started:    time.Now(),
	}
	if change != nil {
		change(&n.opts)
	}
	server, err := httpapi.New(n.opts)
	if err != nil {
		t.Fatal(err)
	}
	n.server = server
	return n
}

// do sends one request. Headers are pairs of name and value.
func (n *node) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, target, r)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	n.server.Handler().ServeHTTP(w, req)
	return w
}

// fakes are all that a server needs and that these tests do not look at.
type fakes struct {
	store *alert.Store
	// status runs at each question after an alert's status.
	status func()
}

func (f *fakes) Post(a []alert.Alert) alert.PutResult { return f.store.Put(time.Now(), a) }

func (f *fakes) Status(*alert.Alert) dispatcher.AlertStatus {
	if f.status != nil {
		f.status()
	}
	return dispatcher.AlertStatus{State: dispatcher.StateActive}
}

func (f *fakes) Receivers(*alert.Alert) []string                           { return nil }
func (f *fakes) Groups(dispatcher.GroupFilter) []dispatcher.GroupView      { return nil }
func (f *fakes) Silence(string) (*model.Silence, bool)                     { return nil, false }
func (f *fakes) Silences() iter.Seq[*model.Silence]                        { return func(func(*model.Silence) bool) {} }
func (f *fakes) WriteSilence(context.Context, silence.Plan) error          { return nil }
func (f *fakes) Active() *model.ConfigVersion                              { return nil }
func (f *fakes) Version(uint64) (*model.ConfigVersion, bool, error)        { return nil, false, nil }
func (f *fakes) History(int) ([]*model.ConfigVersion, error)               { return nil, nil }
func (f *fakes) Masked(*model.ConfigVersion) (string, error)               { return "", nil }
func (f *fakes) Check(*model.ConfigVersion) []admin.Problem                { return nil }
func (f *fakes) AddPeer(context.Context, model.NodeID, string, bool) error { return nil }
func (f *fakes) LookAround(context.Context)                                {}
func (f *fakes) Autopilot() (a admin.Autopilot)                            { return a }
func (f *fakes) SetAutopilot(context.Context, admin.Autopilot) error       { return nil }
func (f *fakes) Audit(admin.AuditQuery) ([]model.AuditRow, error)          { return nil, nil }
func (f *fakes) Entries() iter.Seq[*model.Entry]                           { return func(func(*model.Entry) bool) {} }
func (f *fakes) Schedule() (s admin.Schedule, l admin.LastBackup)          { return s, l }
func (f *fakes) SetSchedule(context.Context, admin.Schedule) error         { return nil }
func (f *fakes) Write(context.Context, io.Writer, bool) error              { return nil }
func (f *fakes) Deliveries(admin.DeliveryQuery) ([]model.Delivery, error)  { return nil, nil }

func (f *fakes) Objections(context.Context, *model.ConfigVersion) []admin.Invalid {
	return nil
}

func (f *fakes) Plan(context.Context, *model.ConfigVersion) (plan.Plan, error) {
	return plan.Plan{}, nil
}

func (f *fakes) Apply(context.Context, *model.ConfigVersion, uint64) (uint64, error) {
	return 0, errors.New("not in these tests")
}

func (f *fakes) ChangePeer(context.Context, string, admin.PeerChange) (string, error) {
	return "", nil
}

func (f *fakes) TransferLeadership(context.Context, model.NodeID) (string, error) { return "", nil }

func (f *fakes) Restore(context.Context, io.Reader, admin.RestoreOptions) (r admin.Restored, err error) {
	return r, nil
}

func get(n *node, target string) *httptest.ResponseRecorder { return n.do(http.MethodGet, target, "") }
