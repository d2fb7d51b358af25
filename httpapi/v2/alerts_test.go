package v2_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
)

func TestAlertsAreWrittenAsAlertmanagerDoes(t *testing.T) {
	n := newNode(t)
	n.put("alertname=B,severity=both", "alertname=A,instance=a\x00\"\\é")
	withURL := alert.Of(labelsOf("alertname=C"))
	withURL.GeneratorURL, withURL.StartsAt = alertSymbol("http://prom/graph?g0.expr=a>1&b"), alert.Nanos(now)
	n.store.Put(now, []alert.Alert{withURL})
	n.disp.suppress("alertname=B,severity=both", dispatcher.AlertStatus{
		SilencedBy: []string{"s1", "s2"}, InhibitedBy: []string{"00ff"},
	})

	w := n.do("GET", "/api/v2/alerts", "")
	want := `[` +
		`{"annotations":{"summary":"It is \"0\" <b>"},"endsAt":"2026-11-21T02:07:04.567Z","fingerprint":"053ccbfbf65ac078","receivers":[{"name":"team-y"},{"name":"team-x"}],"startsAt":"2026-11-21T02:02:04.567Z","status":{"inhibitedBy":["00ff"],"mutedBy":[],"silencedBy":["s1","s2"],"state":"suppressed"},"updatedAt":"2026-11-21T02:03:03.567Z","labels":{"alertname":"B","severity":"both"}},` +
		`{"annotations":{"summary":"It is \"1\" <b>"},"endsAt":"2026-11-21T02:07:04.567Z","fingerprint":"429fccc62503570f","receivers":[{"name":"team-x"}],"startsAt":"2026-11-21T02:02:04.567Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"2026-11-21T02:03:03.567Z","labels":{"alertname":"A","instance":"a\u0000\"\\é"}},` +
		`{"annotations":{},"endsAt":"0001-01-01T00:00:00.000Z","fingerprint":"d2beefc389d73779","receivers":[{"name":"team-x"}],"startsAt":"2026-11-21T02:03:04.567Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"0001-01-01T00:00:00.000Z","generatorURL":"http://prom/graph?g0.expr=a>1&b","labels":{"alertname":"C"}}` +
		"]\n"
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d\n%s\nwant\n%s", w.Code, w.Body, want)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type: got %q", got)
	}
}

// What Alertmanager's generated client reads and writes again must be what we
// wrote, byte for byte.
func roundTrip[T interface{ Validate(strfmt.Registry) error }](t *testing.T, body string, into T) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(body))
	if err := dec.Decode(into); err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	if err := into.Validate(strfmt.Default); err != nil {
		t.Errorf("validate %s: %v", body, err)
	}
	again, err := json.Marshal(into)
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(again))
	if plain != strings.TrimSuffix(body, "\n") {
		t.Errorf("Alertmanager's models write\n%s\nwe wrote\n%s", plain, body)
	}
}

func TestAlertsSurviveAlertmanagersModels(t *testing.T) {
	n := newNode(t)
	n.put("alertname=B,severity=both", "alertname=A", "a=1,b=2,c=3", "alertname=D")
	n.disp.suppress("alertname=D", dispatcher.AlertStatus{InhibitedBy: []string{"00ff"}})
	roundTrip(t, n.do("GET", "/api/v2/alerts", "").Body.String(), &models.GettableAlerts{})
	roundTrip(t, newNode(t).do("GET", "/api/v2/alerts", "").Body.String(), &models.GettableAlerts{})
}

func TestWhichAlertsAreListed(t *testing.T) {
	n := newNode(t)
	n.put("alertname=active", "alertname=both,severity=both", "alertname=silenced", "alertname=inhibited", "alertname=over")
	over := alert.Of(labelsOf("alertname=over"))
	over.StartsAt, over.EndsAt, over.UpdatedAt = 1, alert.Nanos(now.Add(-time.Second)), alert.Nanos(now)
	n.store.Put(now, []alert.Alert{over})
	n.disp.suppress("alertname=silenced", dispatcher.AlertStatus{SilencedBy: []string{"s"}})
	n.disp.suppress("alertname=inhibited", dispatcher.AlertStatus{InhibitedBy: []string{"f"}})

	for query, want := range map[string]string{
		"":                                "active both inhibited silenced",
		"active=false":                    "inhibited silenced",
		"active=no":                       "inhibited silenced",
		"active=":                         "active both inhibited silenced",
		"active=YES":                      "active both inhibited silenced",
		"silenced=false":                  "active both inhibited",
		"silenced=bogus":                  "active both inhibited",
		"inhibited=false":                 "active both silenced",
		"silenced=0&inhibited=0":          "active both",
		"active=0&silenced=0&inhibited=0": "",
		"unprocessed=false":               "active both inhibited silenced",
		"filter=alertname%3Dactive":       "active",
		"filter=alertname%3D~a.*&filter=x%3D%22%22":   "active",
		"filter=severity!%3D%22%22":                   "both",
		"filter=severity%3D%22%22":                    "active inhibited silenced",
		"receiver=team-y":                             "both",
		"receiver=team":                               "",
		"receiver=team-.*":                            "active both inhibited silenced",
		"receiver=":                                   "active both inhibited silenced",
		"receiver_matchers=owner%3Dy":                 "both",
		"receiver_matchers=owner%3Dnobody":            "",
		"receiver=team-x&receiver_matchers=owner%3Dy": "both",
		"nonsense=1":                                  "active both inhibited silenced",
	} {
		if got := names(t, n.do("GET", "/api/v2/alerts?"+query, "").Body.String()); got != want {
			t.Errorf("?%s: got %q, want %q", query, got, want)
		}
	}
}

// names are the alertnames of an answer, ascending.
func names(t *testing.T, body string) string {
	t.Helper()
	var list models.GettableAlerts
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	var out []string
	for i, a := range list {
		out = append(out, a.Labels["alertname"])
		if i > 0 && *list[i-1].Fingerprint >= *a.Fingerprint {
			t.Errorf("not ordered by fingerprint: %s", body)
		}
	}
	return sorted(out)
}

// Statuses and bodies are those that Alertmanager 0.34 answers, but for null
// in the list, on which it drops the connection.
func TestPostAlerts(t *testing.T) {
	for _, tc := range []struct {
		body   string
		status int
		want   string
	}{
		{``, 422, `{"code":602,"message":"alerts in body is required"}`},
		{`   `, 422, `{"code":602,"message":"alerts in body is required"}`},
		{`null`, 200, ``},
		{`[]`, 200, ``},
		{`[{"labels":{"a":"b"},"startsAt":"foo"}]`, 400, `{"code":400,"message":"parsing alerts body from \"\" failed, because parsing time \"foo\" as \"2006-01-02\": cannot parse \"foo\" as \"2006\""}`},
		{`[{}]`, 422, `{"code":602,"message":"0.labels in body is required"}`},
		{`[{"labels":null}]`, 422, `{"code":602,"message":"0.labels in body is required"}`},
		{`[{"labels":{}}]`, 400, `"at least one label pair required"` + "\n"},
		{`[{"labels":{"a":null}}]`, 400, `"at least one label pair required"` + "\n"},
		{`[{"labels":{"a":"b"},"generatorURL":"foo bar"}]`, 422, `{"code":601,"message":"0.generatorURL in body must be of type uri: \"foo bar\""}`},
		{`[{"labels":{"a":"b"},"generatorURL":""}]`, 200, ``},
		{`[{"labels":{"a":"b"}}] x`, 200, ``},
		{`[{"labels":{"a":"b"},"endsAt":"2020-01-01T00:00:00Z","startsAt":"2021-01-01T00:00:00Z"},{"labels":{"a":""}}]`, 400, `"start time must be before end time\nat least one label pair required"` + "\n"},
		{`[{"labels":{"":"b"}}]`, 400, `"invalid label set: invalid name \"\""` + "\n"},
		{`[{"labels":{"a":"b"},"annotations":{"":"b"}}]`, 400, `"invalid annotations: invalid name \"\""` + "\n"},
		{`[{"Labels":{"a":"b"}}]`, 200, ``},
	} {
		w := newNode(t).do("POST", "/api/v2/alerts", tc.body)
		if w.Code != tc.status || w.Body.String() != tc.want {
			t.Errorf("%s:\ngot  %d %s\nwant %d %s", tc.body, w.Code, w.Body, tc.status, tc.want)
		}
	}
	for _, body := range []string{`[null]`, `{"a":1}`, `"x"`, `[1]`, `{`, `[{"labels":{"a":1}}]`, `[{"labels":["a"]}]`} {
		w := newNode(t).do("POST", "/api/v2/alerts", body)
		if w.Code != 400 && w.Code != 422 || !strings.HasPrefix(w.Body.String(), `{"code":`) {
			t.Errorf("%s: got %d %s", body, w.Code, w.Body)
		}
	}
}

func TestPostedAlertsAreThereAtOnce(t *testing.T) {
	n := newNode(t)
	w := n.do("POST", "/api/v2/alerts", `[{"labels":{"alertname":"new"}},{"labels":{"alertname":""}}]`)
	if w.Code != http.StatusBadRequest {
		t.Errorf("a bad alert among good ones: got %d %s", w.Code, w.Body)
	}
	if got := names(t, n.do("GET", "/api/v2/alerts", "").Body.String()); got != "new" {
		t.Errorf("got %q: the good alert is not there", got)
	}
	list := n.do("GET", "/api/v2/alerts", "").Body.String()
	if !strings.Contains(list, `"endsAt":"2026-11-21T02:08:04.567Z"`) {
		t.Errorf("the resolve timeout was not used: %s", list)
	}
}
