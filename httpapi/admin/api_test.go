package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

func TestStatus(t *testing.T) {
	n := newNode(t)
	leader := `{"id":"id-b","name":"b","role":"leader","self":false,"alive":true,"gossip_address":"10.0.0.2:9094","raft_address":"10.0.0.2:9095","version":"1","voter":true}`
	peers := `[{"id":"id-a","name":"a","role":"voter","self":true,"alive":true,"gossip_address":"10.0.0.1:9094","raft_address":"10.0.0.1:9095","api_address":"10.0.0.1:9093","config_rev":2,"voter":true},` +
		leader + `,{"id":"id-c","name":"c","role":"learner","self":false,"alive":false,"gossip_address":"","raft_address":"","last_seen":"2026-11-21T02:02:04.567Z"},` +
		`{"id":"id-d","name":"d","role":"outside","self":false,"alive":true,"gossip_address":"","raft_address":""}]`
	n.expect(t, "GET", "/status", "", 200, `{"node":{"id":"id-a","name":"a","state":"follower","ready":true,"started":"2026-11-21T01:03:04.567Z",`+
		`"term":7,"committed_index":42,"applied_index":41,"state_hash":"0000000000000abc","config_rev":2,"pending_deliveries":1,"pending_overlays":0},`+
		`"cluster":{"id":"c1","enabled":true,"status":"ready","leader":`+leader+`,"quorum":{"held":true,"reachable":2,"voters":3}},`+
		`"peers":`+peers+`,"build":{"version":"1.2.3","revision":"","branch":"","buildUser":"","buildDate":"","goVersion":""}}`)
	n.expect(t, "GET", "/raft/peers", "", 200, `{"peers":`+peers+`}`)

	n.cluster.Leader, n.cluster.Quorum = "", model.Quorum{LostAt: now, Reachable: 1, Voters: 3}
	n.cluster.DegradedSince, n.cluster.Storage = now, "input/output error"
	body := n.do("GET", "/status", "").Body.String()
	for _, want := range []string{`"leader":null`, `"quorum":{"held":false,"lost_at":"2026-11-21T02:03:04.567Z"`, `"degraded_since":"2026-11-21T02:03:04.567Z"`, `"storage_error":"input/output error"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
}

func TestConfigIsShownWithoutSecrets(t *testing.T) {
	n := newNode(t)
	n.expect(t, "GET", "/config", "", 404, `{"error":"there is no configuration yet"}`)
	v1, v2 := version(1, "route: {}\n"), version(2, "password: hunter2\n")
	n.fake.versions = []*model.ConfigVersion{v1, v2}
	meta := func(v *model.ConfigVersion, active bool) string {
		return fmt.Sprintf(`"rev":%d,"hash":%q,"active":%t,"author":"anna","comment":"because","at":"2026-11-21T02:03:04.567Z"`, v.Rev, v.Hash(), active)
	}
	templates := `"templates":[{"name":"a.tmpl","text":"{{ define \"a\" }}x{{ end }}"}]`
	n.expect(t, "GET", "/config", "", 200, `{`+meta(v2, true)+`,"yaml":"password: <secret>\n",`+templates+`}`)
	n.expect(t, "GET", "/config/1", "", 200, `{`+meta(v1, false)+`,"yaml":"route: {}\n",`+templates+`}`)
	n.expect(t, "GET", "/config/9", "", 404, `{"error":"there is no version 9"}`)
	n.expect(t, "GET", "/config/x", "", 400, `{"error":"rev must be the number of a version","hint":"GET config/history lists them"}`)
	n.expect(t, "GET", "/config/history", "", 200, `{"versions":[{`+meta(v2, true)+`},{`+meta(v1, false)+`}]}`)
	n.expect(t, "GET", "/config/history?limit=1", "", 200, `{"versions":[{`+meta(v2, true)+`}]}`)
	for _, limit := range []string{"0", "-1", "1001", "x"} {
		n.expect(t, "GET", "/config/history?limit="+limit, "", 400, `{"error":"limit must be a number from 1 to 1000","hint":"leave it out for 100"}`)
	}
	if got := n.do("GET", "/config", "").Header().Get("ETag"); got != `"2"` {
		t.Errorf("ETag: got %s", got)
	}
}

func TestApplyConfig(t *testing.T) {
	n := newNode(t)
	n.fake.versions = []*model.ConfigVersion{version(1, "old: hunter2\n"), version(2, "new\n")}
	for _, method := range []string{"POST", "PUT"} {
		w := n.do(method, "/config", `{"yaml":"route: {}","templates":[{"name":"t","text":"x"}],"author":"ben","comment":"so","base_rev":2}`)
		v := n.fake.applied
		if w.Code != 200 || n.fake.base != 2 || string(v.YAML) != "route: {}" || v.Author != "ben" || v.Comment != "so" ||
			len(v.Templates) != 1 || v.SHA256 != v.Sum() {
			t.Errorf("%s: got %d %s, applied %+v on %d", method, w.Code, w.Body, v, n.fake.base)
		}
		if want := fmt.Sprintf(`{"rev":3,"hash":%q,"active":true,"author":"ben","comment":"so"}`, v.Hash()); strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("got %s, want %s", w.Body, want)
		}
	}
	if n.do("POST", "/config", `{"from_rev":1}`); string(n.fake.applied.YAML) != "old: hunter2\n" || len(n.fake.applied.Templates) != 1 || n.fake.applied.Rev != 0 {
		t.Errorf("an older version brought back: applied %+v", n.fake.applied)
	}
	if n.do("POST", "/config", `{"yaml":"x"}`, "If-Match", `"2"`); n.fake.base != 2 {
		t.Errorf("If-Match: base %d", n.fake.base)
	}
	if n.do("POST", "/config", `{"yaml":"x"}`, "If-Match", `*`); n.fake.base != 0 {
		t.Errorf("If-Match: *: base %d", n.fake.base)
	}
	for _, match := range []string{`"x"`, `"3"`} {
		if w := n.do("POST", "/config", `{"yaml":"x","base_rev":2}`, "If-Match", match); w.Code != 400 {
			t.Errorf("If-Match: %s: got %d %s", match, w.Code, w.Body)
		}
	}
}

func TestBadProposals(t *testing.T) {
	n := newNode(t)
	long := strings.Repeat("x", 5<<20)
	for body, want := range map[string]string{
		``:                                     "the body is not the JSON that is expected",
		`{`:                                    "the body is not the JSON that is expected",
		`null`:                                 "yaml is missing",
		`{}`:                                   "yaml is missing",
		`{"yaml":""}`:                          "yaml is missing",
		`{"yaml":1}`:                           "the body is not the JSON that is expected",
		`{"yml":"x"}`:                          "the body is not the JSON that is expected",
		`{"yaml":"x"} {}`:                      "there is something behind the value",
		`{"yaml":"x","from_rev":1}`:            "from_rev excludes yaml",
		`{"from_rev":1}`:                       "there is no version 1",
		`{"yaml":"` + long + `"}`:              "yaml is longer than 4 MiB",
		`{"yaml":"x","author":"` + long + `"}`: "author and comment may have 4 KiB each",
		`{"yaml":"x","templates":[{"text":"x"}]}`:                         "a template has no name",
		`{"yaml":"x","templates":[{"name":"t","text":"` + long + `"}]}`:   `template \"t\" is longer than 1 MiB`,
		`{"yaml":"x","templates":[` + strings.Repeat(`{},`, 300) + `{}]}`: "there are more than 256 templates",
	} {
		for _, target := range []string{"/config", "/config/check"} {
			w := n.do("POST", target, body)
			if w.Code != 400 && w.Code != 404 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %.60s: got %d %s, want %q", target, body, w.Code, w.Body, want)
			}
		}
	}
	if n.fake.applied != nil {
		t.Error("something was applied")
	}
}

func TestProblems(t *testing.T) {
	n := newNode(t)
	n.expect(t, "POST", "/config/check", `{"yaml":"x"}`, 200, `{"problems":[]}`)
	n.fake.problems = []admin.Problem{{File: "am.yml", Line: 3, Column: 5, Message: "no such receiver"}, {File: "t", Message: "bad"}}
	list := `"problems":[{"file":"am.yml","line":3,"column":5,"message":"no such receiver"},{"file":"t","message":"bad"}]`
	n.expect(t, "POST", "/config/check", `{"yaml":"x"}`, 200, `{`+list+`}`)
	n.fake.refuse = fmt.Errorf("apply: %w", &admin.Invalid{Problems: n.fake.problems})
	n.expect(t, "POST", "/config", `{"yaml":"x"}`, 422, `{"error":"the configuration has problems","hint":"mend what problems lists, and try again",`+list+`}`)
	n.fake.refuse = &admin.Invalid{Problems: n.fake.problems, Node: "b"}
	n.expect(t, "POST", "/config", `{"yaml":"x"}`, 422, `{"error":"node b cannot load the configuration","hint":"mend what problems lists, and try again",`+list+`}`)
}

func TestErrorsOfTheCluster(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
		want   string
	}{
		{&refusal.Refusal{Leader: "b", Cause: errors.New("hunter2")}, 503, `{"error":"no quorum: b leads as far as this node knows, but it did not confirm the write, so nothing was written; alerts are still taken and notified","hint":"look at /api/tocsin/v1/status on the other nodes"}`},
		{refusal.ErrConflict, 409, `{"error":"apply: it was changed by somebody else meanwhile","hint":"read it again, and base the change on what is there now"}`},
		{&refusal.Denied{Reason: refusal.ErrConflict, Text: "version 5 is active, not 2"}, 409, `{"error":"version 5 is active, not 2","hint":"read it again, and base the change on what is there now"}`},
		{&refusal.Denied{Reason: refusal.ErrNotFound, Text: "no node of this ID"}, 404, `{"error":"no node of this ID"}`},
		{&refusal.Denied{Reason: refusal.ErrInvalid, Text: "the last voter cannot be removed"}, 422, `{"error":"the last voter cannot be removed"}`},
		{errors.New("hunter2"), 500, `{"error":"internal error","hint":"the reason is in the node's log"}`},
	} {
		n := newNode(t)
		n.fake.refuse = fmt.Errorf("apply: %w", tc.err)
		n.expect(t, "POST", "/config", `{"yaml":"x"}`, tc.status, tc.want)
		n.expect(t, "DELETE", "/raft/peers/x", "", tc.status, tc.want)
		n.expect(t, "POST", "/raft/peers", `{"id":"x","address":"h:1"}`, tc.status, tc.want)
		w := n.do("POST", "/raft/transfer-leadership", "")
		if got := w.Header().Get("Retry-After") != ""; got != (tc.status == 503) {
			t.Errorf("%v: Retry-After %q", tc.err, w.Header().Get("Retry-After"))
		}
	}
}

func TestMembers(t *testing.T) {
	n := newNode(t)
	for _, tc := range []struct{ method, target, body string }{
		{"POST", "/raft/peers", `{"id":"id-e","address":"10.0.0.5:9095"}`},
		{"POST", "/raft/peers", `{"id":"id-f","address":"[::1]:9095","voter":false}`},
		{"DELETE", "/raft/peers/id-c", ""},
		{"DELETE", "/raft/peers/c?force=true", ""},
		{"POST", "/raft/peers/c/promote", ""},
		{"POST", "/raft/peers/c/demote", ""},
		{"PUT", "/raft/peers/c/address", `{"address":"[::1]:9095"}`},
		{"POST", "/raft/transfer-leadership", ""},
		{"POST", "/raft/transfer-leadership", `{"id":"id-a"}`},
	} {
		w := n.do(tc.method, tc.target, tc.body)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"peers":[{`) {
			t.Errorf("%v: got %d %s", tc, w.Code, w.Body)
		}
	}
	want := "[add id-e 10.0.0.5:9095 voter add id-f [::1]:9095 learner remove id-c  false remove c  true promote c  false demote c  false address c [::1]:9095 false transfer  transfer id-a]"
	if got := fmt.Sprint(n.fake.members); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, body := range []string{`{}`, `{"id":"x"}`, `{"id":"x","address":"nowhere"}`, `{"address":"h:1"}`, `{"id":"` + strings.Repeat("x", 200) + `","address":"h:1"}`} {
		if w := n.do("POST", "/raft/peers", body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
}

func TestAutopilotAndAddresses(t *testing.T) {
	n := newNode(t)
	n.expect(t, "PUT", "/raft/autopilot", `{"cleanup_dead_servers":true,"dead_after_seconds":86400,"min_quorum":3}`, 200,
		`{"cleanup_dead_servers":true,"dead_after_seconds":86400,"min_quorum":3}`)
	n.expect(t, "GET", "/raft/autopilot", "", 200, `{"cleanup_dead_servers":true,"dead_after_seconds":86400,"min_quorum":3}`)
	for _, address := range []string{"", "h", "h:", ":1", "http://h:1/x", "h:70000", strings.Repeat("x", 300) + ":1"} {
		if w := n.do("PUT", "/raft/peers/c/address", fmt.Sprintf(`{"address":%q}`, address)); w.Code != http.StatusBadRequest {
			t.Errorf("%q: got %d %s", address, w.Code, w.Body)
		}
	}
	n.do("GET", "/raft/peers", "")
	if len(n.fake.members) > 0 || n.fake.looks != 1 {
		t.Errorf("did %v, looked %d times", n.fake.members, n.fake.looks)
	}
}
