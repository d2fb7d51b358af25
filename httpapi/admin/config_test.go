package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/plan"
	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

const (
	treeOne = "route:\n  receiver: all\n  routes:\n    - matchers: [team=db]\n      receiver: db\n      group_by: [alertname]\n      continue: true\n    - matchers: [severity=page]\n      receiver: pager\nreceivers: [{name: all}, {name: db}, {name: pager}]\n"
	treeTwo = "route:\n  receiver: pager\nreceivers: [{name: pager}]\n"
)

// plain is a version without templates.
func plain(rev uint64, yaml string) *model.ConfigVersion {
	v := version(rev, yaml)
	v.Templates, v.SHA256 = nil, [32]byte{}
	return v
}

func TestApplyOfWhatRuns(t *testing.T) {
	n := newNode(t)
	n.fake.versions = []*model.ConfigVersion{plain(1, treeOne), plain(2, treeTwo)}
	w := n.do("POST", "/config", `{"from_rev":2,"base_rev":2}`)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"unchanged":true`) || !strings.Contains(w.Body.String(), `"rev":2`) || n.fake.applied != nil {
		t.Errorf("%d %s, applied %v", w.Code, w.Body, n.fake.applied)
	}
	if w := n.do("POST", "/config", `{"from_rev":1}`); w.Code != 200 || n.fake.applied == nil || strings.Contains(w.Body.String(), "unchanged") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestOvertaken says who changed what since, whether it is seen before the
// proposal or by it.
func TestOvertaken(t *testing.T) {
	n := newNode(t)
	n.fake.versions = []*model.ConfigVersion{version(1, "a: 1\n"), version(2, "b: 1\n"), version(3, "c: 1\n")}
	body := `{"error":"version 3 is active, not 1; version 3 is by anna at 2026-11-21T02:03:04.567Z (because); version 2 is by anna at 2026-11-21T02:03:04.567Z (because)",` +
		`"hint":"look at what changed with ` + "`tocsin config diff 1 3`" + `, then base the change on version 3","since":[{"rev":3,`
	for range 2 {
		w := n.do("POST", "/config", `{"yaml":"x","base_rev":1}`)
		if w.Code != http.StatusConflict || !strings.HasPrefix(w.Body.String(), body) || n.fake.applied != nil {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	n.fake.refuse = refusal.ErrConflict
	w := n.do("POST", "/config", `{"yaml":"x","base_rev":3}`)
	if w.Code != http.StatusConflict || n.fake.applied == nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDiff(t *testing.T) {
	n := newNode(t)
	if w := n.do("GET", "/config/diff", ""); w.Code != http.StatusNotFound {
		t.Errorf("without a configuration: %d %s", w.Code, w.Body)
	}
	n.fake.versions = []*model.ConfigVersion{plain(1, treeTwo), plain(2, "# x\n"+treeTwo), plain(3, treeOne)}
	n.expect(t, "GET", "/config/diff?from=1&to=2", "", 200, `{"from":1,"to":2,"diff":"","silent":true}`)
	for _, target := range []string{"/config/diff", "/config/diff?to=3", "/config/diff?from=2", "/config/diff?from=2&to=3"} {
		w := n.do("GET", target, "")
		if !strings.HasPrefix(w.Body.String(), `{"from":2,"to":3,"diff":"--- version 2/alertmanager.yml\n+++ version 3/alertmanager.yml\n`) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if w := n.do("GET", "/config/diff?to=1", ""); !strings.HasPrefix(w.Body.String(), `{"from":0,"to":1,"diff":"--- /dev/null`) {
		t.Errorf("the oldest: %d %s", w.Code, w.Body)
	}
	for target, status := range map[string]int{"/config/diff?from=x": 400, "/config/diff?to=9": 404} {
		if w := n.do("GET", target, ""); w.Code != status {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestRoutes(t *testing.T) {
	n := newNode(t)
	n.fake.versions = []*model.ConfigVersion{plain(1, treeTwo), plain(2, treeOne)}
	times := `"group_wait":"30s","group_interval":"5m0s","repeat_interval":"4h0m0s"`
	n.expect(t, "GET", "/config/routes?rev=1", "", 200, `{"rev":1,"route":{"id":"{}","receiver":"pager",`+times+`}}`)
	n.expect(t, "GET", "/config/routes", "", 200, `{"rev":2,"route":{"id":"{}","receiver":"all",`+times+`,"routes":[`+
		`{"id":"{}/{team=\"db\"}/0","receiver":"db","matchers":["team=\"db\""],"continue":true,"group_by":["alertname"],`+times+`},`+
		`{"id":"{}/{severity=\"page\"}/1","receiver":"pager","matchers":["severity=\"page\""],`+times+`}]}}`)
	n.expect(t, "GET", "/config/routes/test?label=team%3Ddb&label=severity%3Dpage&label=alertname%3DX", "", 200,
		`{"rev":2,"receivers":["db","pager"],"routes":[`+
			`{"id":"{}/{team=\"db\"}/0","receiver":"db","group_key":"{}/{team=\"db\"}:{alertname=\"X\"}"},`+
			`{"id":"{}/{severity=\"page\"}/1","receiver":"pager","group_key":"{}/{severity=\"page\"}:{}"}]}`)
	for _, bad := range []string{"label=x", "label=%3Dx", "rev=x", strings.Repeat("label=a%3Db&", 200)} {
		if w := n.do("GET", "/config/routes/test?"+bad, ""); w.Code != 400 {
			t.Errorf("%.40s: %d %s", bad, w.Code, w.Body)
		}
	}
}

func TestPlan(t *testing.T) {
	n := newNode(t)
	n.fake.versions = []*model.ConfigVersion{plain(1, treeTwo)}
	key := model.DeliveryKey{Receiver: "r", Integration: "i", Group: "g"}
	labels := alert.NewLabels(map[string]string{"a": "b"})
	n.fake.plan = plan.Plan{
		Alerts: 7, Added: []string{"new"},
		Moves:   []plan.Move{{Alerts: 2, Example: labels, To: []plan.Place{{Receiver: "r", Group: "g", Muted: "inhibition"}}}},
		Tells:   []plan.Tell{{Key: key, Reason: model.ReasonFirst, Firing: 3, Example: labels}},
		Orphans: []plan.Orphan{{Key: key, Alerts: 4, Example: labels}},
	}
	w := n.do("POST", "/config/plan", `{"from_rev":1}`)
	for _, want := range []string{
		`{"base_rev":1,"changes":false,"diff":"","receivers":{"added":["new"]},"alerts":7,`,
		`"moves":[{"alerts":2,"example":{"a":"b"},"from":[],"to":[{"receiver":"r","group":"g","muted":"inhibition"}]}]`,
		`"notifications":[{"receiver":"r","integration":"i","group":"g","reason":"first notification","firing":3,"example":{"a":"b"}}]`,
		`"left_open":[{"receiver":"r","integration":"i","group":"g","alerts":4,"example":{"a":"b"}}]`,
	} {
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s, want %s", w.Code, w.Body, want)
		}
	}
	n.fake.objects = []admin.Invalid{{Node: "b", Problems: []admin.Problem{{File: "f", Message: "m"}}}}
	w = n.do("POST", "/config/plan", `{"yaml":"route: {}"}`)
	if !strings.Contains(w.Body.String(), `"changes":true,"diff":"--- version 1/`) || !strings.Contains(w.Body.String(), `"objections":[{"node":"b","problems":[{"file":"f","message":"m"}]}]`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	n.fake.planned, n.fake.problems = nil, []admin.Problem{{File: "f", Message: "m"}}
	n.expect(t, "POST", "/config/plan", `{"yaml":"{"}`, 200,
		`{"base_rev":1,"changes":false,"diff":"","problems":[{"file":"f","message":"m"}],"receivers":{},"alerts":0,"moves":[],"notifications":[],"left_open":[]}`)
	if n.fake.planned != nil || n.fake.applied != nil {
		t.Error("what cannot be loaded was planned, or applied")
	}
}

// TestAuthor writes down whom the node knows, beside whom the client says he is.
func TestAuthor(t *testing.T) {
	for _, c := range []struct{ who, says, want string }{
		{"local", "ada", "ada"},
		{"local", "", "local"},
		{"unix:0", "ada", "ada"},
		{"token:ci", "", "token:ci"},
		{"token:ci", "ada", "ada (token:ci)"},
		{"user:ben", "ada", "ada (user:ben)"},
	} {
		if got := admin.AuthorOf(model.Actor{Name: c.who}, c.says); got != c.want {
			t.Errorf("%s says %q: %q, want %q", c.who, c.says, got, c.want)
		}
	}
}
