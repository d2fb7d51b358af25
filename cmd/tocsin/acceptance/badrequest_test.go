package acceptance_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// badRequest is a request that must be refused.
type badRequest struct {
	name, method, path, body string
	header                   http.Header
	code                     int
	says                     string
	// unlike: an Alertmanager does something worse here.
	unlike bool
}

const (
	alertsPath   = "/api/v2/alerts"
	silencesPath = "/api/v2/silences"
	unknownID    = "11111111-1111-1111-1111-111111111111"
)

var badRequests = []badRequest{
	{name: "malformed JSON", method: "POST", path: alertsPath, body: `[{"labels":{"alertname":"x"}`, code: 400, says: "parsing alerts body"},
	{name: "not JSON", method: "POST", path: alertsPath, body: "hello", code: 400, says: "parsing alerts body"},
	{name: "an object", method: "POST", path: alertsPath, body: `{"labels":{"alertname":"x"}}`, code: 400, says: "parsing alerts body"},
	{name: "a number for a label", method: "POST", path: alertsPath, body: `[{"labels":{"alertname":1}}]`, code: 400, says: "parsing alerts body"},
	{name: "deep nesting", method: "POST", path: alertsPath, body: strings.Repeat("[", 20000), code: 400},
	{name: "null alert", method: "POST", path: alertsPath, body: `[null]`, code: 400, unlike: true},
	{name: "no labels", method: "POST", path: alertsPath, body: `[{}]`, code: 422, says: "labels"},
	{name: "null labels", method: "POST", path: alertsPath, body: `[{"labels":null}]`, code: 422, says: "labels"},
	{name: "empty labels", method: "POST", path: alertsPath, body: `[{"labels":{}}]`, code: 400, says: "at least one label pair required"},
	{name: "only an empty label", method: "POST", path: alertsPath, body: `[{"labels":{"alertname":""}}]`, code: 400, says: "at least one label pair required"},
	{name: "start after end", method: "POST", path: alertsPath, body: `[{"labels":{"alertname":"x"},"startsAt":"2026-01-02T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]`, code: 400, says: "start time must be before end time"},
	{name: "no time", method: "POST", path: alertsPath, body: `[{"labels":{"alertname":"x"},"startsAt":"yesterday"}]`, code: 400},
	{name: "bad URL", method: "POST", path: alertsPath, body: `[{"labels":{"alertname":"x"},"generatorURL":"not a URL"}]`, code: 422, says: "generatorURL"},
	{name: "name without letters", method: "POST", path: alertsPath, body: `[{"labels":{"alertname":"x","":"y"}}]`, code: 400, says: "invalid label set"},
	{name: "classic name in classic mode", method: "POST", path: alertsPath, body: `[{"labels":{"alertname":"x","a-b":"y"}}]`, code: 400, says: "invalid label set"},
	{name: "empty body", method: "POST", path: alertsPath, header: http.Header{"Content-Type": {"application/json"}}, code: 422, says: "alerts in body is required"},
	{name: "wrong content type", method: "POST", path: alertsPath, body: "[]", header: http.Header{"Content-Type": {"text/plain"}}, code: 415, says: "unsupported media type"},
	{name: "wrong method", method: "PUT", path: alertsPath, body: "[]", code: 405, says: "method PUT is not allowed"},
	{name: "unknown path", method: "GET", path: "/api/v2/nothing", code: 404, says: "was not found"},
	{name: "unknown path outside", method: "GET", path: "/api/v9/alerts", code: 404},
	{name: "unknown silence", method: "GET", path: "/api/v2/silence/" + unknownID, code: 404},
	{name: "no silence ID", method: "GET", path: "/api/v2/silence/x", code: 422, says: "uuid"},
	{name: "end of an unknown silence", method: "DELETE", path: "/api/v2/silence/" + unknownID, code: 404, unlike: true},
	{name: "change of an unknown silence", method: "POST", path: silencesPath, body: silenceBody(unknownID, `{"name":"a","value":"b","isRegex":false}`, "2056-01-01"), code: 404, says: "silence not found", unlike: true},
	{name: "silence without matchers", method: "POST", path: silencesPath, body: silenceBody("", "", "2056-01-01"), code: 422, says: "matchers"},
	{name: "silence with a null matcher", method: "POST", path: silencesPath, body: silenceBody("", "null", "2056-01-01"), code: 422, says: "matchers", unlike: true},
	{name: "silence that matches everything", method: "POST", path: silencesPath, body: silenceBody("", `{"name":"a","value":".*","isRegex":true}`, "2056-01-01"), code: 400, says: "at least one matcher must not match the empty string"},
	{name: "silence with a bad regex", method: "POST", path: silencesPath, body: silenceBody("", `{"name":"a","value":"(","isRegex":true}`, "2056-01-01"), code: 400, says: "invalid"},
	{name: "silence that has ended", method: "POST", path: silencesPath, body: silenceBody("", `{"name":"a","value":"b","isRegex":false}`, "2025-12-31"), code: 400, says: "end time can't be in the past"},
	{name: "silence that ends before it starts", method: "POST", path: silencesPath, body: silenceBody("", `{"name":"a","value":"b","isRegex":false}`, "2020-01-01"), code: 400, says: "start time must be before end time"},
	{name: "silence in pieces", method: "POST", path: silencesPath, body: `{"matchers":[{"name":"a"`, code: 400, says: "parsing silence body"},
	{name: "silence with a classic name in classic mode", method: "POST", path: silencesPath, body: silenceBody("", `{"name":"a b","value":"b","isRegex":false}`, "2056-01-01"), code: 400, says: "invalid"},
	{name: "bad filter", method: "GET", path: alertsPath + "?filter=a", code: 400, says: "bad matcher format"},
	{name: "bad receiver", method: "GET", path: alertsPath + "?receiver=(", code: 400, says: "failed to parse receiver param"},
	{name: "bad filter of groups", method: "GET", path: alertsPath + "/groups?filter=a", code: 400},
	{name: "bad filter of silences", method: "GET", path: silencesPath + "?filter=a", code: 400},
}

// silenceBody is a silence from the start of 2024 (or, if it ends before that,
// also then) to the given day.
func silenceBody(id, matchers, end string) string {
	return `{"id":"` + id + `","matchers":[` + matchers + `],"startsAt":"2024-01-01T00:00:00Z","endsAt":"` + end + `T00:00:00Z","createdBy":"x","comment":"y"}`
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{}), Flags: []string{rig.ClassicMode}})
	for _, b := range badRequests {
		t.Run(b.name, func(t *testing.T) {
			if b.unlike {
				rig.SkipOracle(t, 0, "refusing it properly")
			}
			r := n.Do(b.method, b.path, b.body, b.header)
			if r.Code != b.code || !strings.Contains(strings.ToLower(r.Body), strings.ToLower(b.says)) {
				t.Errorf("%s %s: %v, want %d with %q", b.method, b.path, r, b.code, b.says)
			}
		})
	}
	// Nothing of all that was taken.
	if list, err := n.Alerts(); err != nil || len(list) != 0 {
		t.Errorf("alerts: %v %v, want none", list, err)
	}
	if list, err := n.Silences(); err != nil || len(list) != 0 {
		t.Errorf("silences: %v %v, want none", list, err)
	}
	if !n.Running() {
		t.Error("the server ended")
	}
}

func TestPartialSuccess(t *testing.T) {
	t.Parallel()
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{})})
	r := n.Do("POST", alertsPath, `[{"labels":{"alertname":"good"}},{"labels":{}},{"labels":{"alertname":"bad"},"startsAt":"2026-01-02T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]`, nil)
	if r.Code != 400 || !strings.Contains(r.Body, "at least one label pair required") || !strings.Contains(r.Body, "start time must be before end time") {
		t.Errorf("POST of one good and two bad alerts: %v, want 400 naming both problems", r)
	}
	if list, err := n.Alerts(); err != nil || len(list) != 1 || list[0].Labels["alertname"] != "good" {
		t.Errorf("alerts: %v %v, want the good one", list, err)
	}
	for _, body := range []string{"null", "[]"} {
		if r := n.Do("POST", alertsPath, body, nil); r.Code != 200 {
			t.Errorf("POST %s: %v, want 200", body, r)
		}
	}
	if v, ok := n.Metric("alertmanager_alerts_invalid_total"); !ok || v != 2 {
		t.Errorf("alerts_invalid_total is %v (%v), want 2", v, ok)
	}
}

func TestHugeBody(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "a limit for bodies")
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{})})
	body := `[{"labels":{"alertname":"` + strings.Repeat("x", 60<<20) + `"}}]`
	// The answer may come before the whole body was read, so that sending the
	// rest fails.
	r := n.Do("POST", alertsPath, body, nil)
	if r.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("POST of 60 MB: %v, want 413", r)
	}
	if list, err := n.Alerts(); err != nil || len(list) != 0 {
		t.Errorf("alerts afterwards: %v %v, want none", list, err)
	}
	if r := n.PostAlerts(rig.A("alertname", "x").API(time.Now())); r.Code != 200 {
		t.Errorf("POST alerts afterwards: %v", r)
	}
	if r := n.Do("POST", silencesPath, `{"comment":"`+strings.Repeat("x", 60<<20)+`"}`, nil); r.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("POST of a silence of 60 MB: %v, want 413", r)
	}
}
