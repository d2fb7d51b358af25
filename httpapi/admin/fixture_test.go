package admin_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher/plan"
	"tocsin/fsm/model"
	"tocsin/httpapi/access"
	"tocsin/httpapi/access/accesstest"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/view"
)

var now = time.Date(2026, 11, 21, 2, 3, 4, 567_000_000, time.UTC)

// node is an admin API with fakes around it.
type node struct {
	cluster view.Cluster
	fake    *fake
	trust   fakeTrust
	records accesstest.Records
	handler http.Handler
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{fake: &fake{}, cluster: view.Cluster{
		Enabled: true, ID: "c1", Self: "id-a", Name: "a", State: "follower", Ready: true, Leader: "id-b",
		Quorum: model.Quorum{Held: true, Reachable: 2, Voters: 3}, Term: 7, Committed: 42, Applied: 41,
		StateHash: 0xabc, ConfigRev: 2, PendingDeliveries: 1,
		Peers: []view.Peer{
			{ID: "id-b", Name: "b", Gossip: "10.0.0.2:9094", Raft: "10.0.0.2:9095", Alive: true, Member: true, Voter: true, Version: "1"},
			{ID: "id-a", Name: "a", Gossip: "10.0.0.1:9094", Raft: "10.0.0.1:9095", API: "10.0.0.1:9093", Alive: true, Member: true, Voter: true, ConfigRev: 2},
			{ID: "id-c", Name: "c", Member: true, LastSeen: now.Add(-time.Minute)},
			{ID: "id-d", Name: "d", Alive: true},
		},
	}}
	keys := access.NewKeys(access.KeysOptions{
		Records: func() access.Records { return &n.records }, Writer: &n.records, Now: func() time.Time { return now },
	})
	api := admin.New(admin.Options{
		Audit: n.fake, Keys: keys, Now: func() time.Time { return now },
		Cluster: func() view.Cluster { return n.cluster }, Versions: n.fake, Planner: n.fake, Members: n.fake, Joining: &n.trust, NodeKeys: &n.trust, Ledger: n.fake, Backups: n.fake,
		Build: view.Build{Version: "1.2.3"}, Started: now.Add(-time.Hour), Logger: slog.New(slog.DiscardHandler),
	})
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = api.Fault
	api.Register(e.Group(admin.Path))
	n.handler = e
	return n
}

// do sends one request. Headers are pairs of name and value.
func (n *node) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, admin.Path+target, r)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, req)
	return w
}

func (n *node) expect(t *testing.T, method, target, body string, status int, want string) {
	t.Helper()
	w := n.do(method, target, body)
	if w.Code != status || strings.TrimSuffix(w.Body.String(), "\n") != want {
		t.Errorf("%s %s %s:\ngot  %d %s\nwant %d %s", method, target, body, w.Code, w.Body, status, want)
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s %s: headers %v", method, target, w.Header())
	}
}

// fake is all that the API works with.
type fake struct {
	versions []*model.ConfigVersion // the last is active
	problems []admin.Problem
	applied  *model.ConfigVersion
	base     uint64
	refuse   error
	members  []string
	entries  []*model.Entry
	rows     []model.Delivery
	query    admin.DeliveryQuery

	auditQuery admin.AuditQuery
	auditRows  []model.AuditRow

	plan     plan.Plan
	objects  []admin.Invalid
	planned  *model.ConfigVersion
	backup   string
	restored admin.RestoreOptions
	schedule admin.Schedule
	pilot    admin.Autopilot
	looks    int
}

func (f *fake) Write(_ context.Context, w io.Writer, stale bool) error {
	if f.backup == "" {
		return f.refuse
	}
	if _, err := io.WriteString(w, f.backup+strings.Repeat("!", map[bool]int{true: 1}[stale])); err != nil {
		return err
	}
	return f.refuse
}

func (f *fake) Restore(_ context.Context, r io.Reader, o admin.RestoreOptions) (admin.Restored, error) {
	b, err := io.ReadAll(r)
	f.backup, f.restored = string(b), o
	if err == nil {
		err = f.refuse
	}
	return admin.Restored{DryRun: o.DryRun, Cluster: "c1", Index: 7, Created: now, ConfigFrom: 2, ConfigRev: 3, Changes: 1}, err
}

func (f *fake) Schedule() (admin.Schedule, admin.LastBackup) {
	return f.schedule, admin.LastBackup{At: "then", File: "f", Bytes: 5}
}

func (f *fake) SetSchedule(_ context.Context, s admin.Schedule) error {
	f.schedule = s
	return f.refuse
}

func (f *fake) Plan(_ context.Context, v *model.ConfigVersion) (plan.Plan, error) {
	f.planned = v
	return f.plan, f.refuse
}

func (f *fake) Objections(context.Context, *model.ConfigVersion) []admin.Invalid { return f.objects }

func (f *fake) Active() *model.ConfigVersion {
	if len(f.versions) == 0 {
		return nil
	}
	return f.versions[len(f.versions)-1]
}

func (f *fake) Version(rev uint64) (*model.ConfigVersion, bool, error) {
	for _, v := range f.versions {
		if v.Rev == rev {
			return v, true, nil
		}
	}
	return nil, false, f.refuse
}

func (f *fake) History(limit int) ([]*model.ConfigVersion, error) {
	var out []*model.ConfigVersion
	for i := len(f.versions) - 1; i >= 0 && len(out) < limit; i-- {
		out = append(out, f.versions[i])
	}
	return out, f.refuse
}

func (f *fake) Masked(v *model.ConfigVersion) (string, error) {
	return strings.ReplaceAll(string(v.YAML), "hunter2", "<secret>"), f.refuse
}

func (f *fake) Check(*model.ConfigVersion) []admin.Problem { return f.problems }

func (f *fake) Apply(_ context.Context, v *model.ConfigVersion, base uint64) (uint64, error) {
	f.applied, f.base = v, base
	return 3, f.refuse
}

func (f *fake) AddPeer(_ context.Context, id model.NodeID, address string, voter bool) error {
	role := "learner"
	if voter {
		role = "voter"
	}
	f.members = append(f.members, "add "+string(id)+" "+address+" "+role)
	return f.refuse
}

func (f *fake) ChangePeer(_ context.Context, id string, c admin.PeerChange) (string, error) {
	f.members = append(f.members, fmt.Sprintf("%s %s %s %v", c.Verb, id, c.Address, c.Force))
	return "did it", f.refuse
}

func (f *fake) TransferLeadership(_ context.Context, to model.NodeID) (string, error) {
	f.members = append(f.members, "transfer "+string(to))
	return "handed over", f.refuse
}

func (f *fake) LookAround(context.Context) { f.looks++ }

func (f *fake) Autopilot() admin.Autopilot { return f.pilot }

func (f *fake) SetAutopilot(_ context.Context, a admin.Autopilot) error {
	f.pilot = a
	return f.refuse
}

func (f *fake) Audit(q admin.AuditQuery) ([]model.AuditRow, error) {
	f.auditQuery = q
	return f.auditRows, f.refuse
}

func (f *fake) Entries() iter.Seq[*model.Entry] {
	return func(yield func(*model.Entry) bool) {
		for _, e := range f.entries {
			if !yield(e) {
				return
			}
		}
	}
}

func (f *fake) Deliveries(q admin.DeliveryQuery) ([]model.Delivery, error) {
	f.query = q
	return f.rows, f.refuse
}

func version(rev uint64, yaml string) *model.ConfigVersion {
	v := &model.ConfigVersion{
		Rev: rev, YAML: []byte(yaml), Author: "anna", Comment: "because",
		Stamp:     model.Millis(now.UnixMilli()),
		Templates: []model.TemplateFile{{Name: "a.tmpl", Text: []byte(`{{ define "a" }}x{{ end }}`)}},
	}
	v.SHA256 = v.Sum()
	return v
}
