package v2_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/prometheus/alertmanager/api/v2/models"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
)

// grouped is a node with two groups, the second of which is muted.
func grouped(t *testing.T) *node {
	t.Helper()
	n := newNode(t)
	n.put("alertname=A,instance=1", "alertname=A,instance=2", "alertname=B")
	n.disp.suppress("alertname=B", dispatcher.AlertStatus{})
	find := func(labels string) *alert.Alert {
		r, ok := n.store.Get(labelsOf(labels).Hash())
		if !ok {
			t.Fatalf("no alert %s", labels)
		}
		return r.Load()
	}
	active := dispatcher.AlertStatus{State: dispatcher.StateActive}
	n.disp.groups = []dispatcher.GroupView{
		{
			Receiver: "team-x", Labels: labelsOf("alertname=A"), RouteLabels: map[string]string{"z": "2", "a": "1"},
			Alerts: []dispatcher.GroupedAlert{
				{Alert: find("alertname=A,instance=1"), Status: active, Receivers: oneReceiver},
				{Alert: find("alertname=A,instance=2"), Status: active, Receivers: oneReceiver},
			},
		},
		{
			Receiver: "team-y", Labels: nil, MutedBy: []string{"night"},
			Alerts: []dispatcher.GroupedAlert{{
				Alert:     find("alertname=B"),
				Status:    dispatcher.AlertStatus{State: dispatcher.StateSuppressed, MutedBy: []string{"night"}},
				Receivers: twoReceivers,
			}},
		},
	}
	return n
}

func TestGroupsAreWrittenAsAlertmanagerDoes(t *testing.T) {
	w := grouped(t).do("GET", "/api/v2/alerts/groups", "")
	head := `"endsAt":"2026-11-21T02:07:04.567Z","fingerprint":`
	tail := `"updatedAt":"2026-11-21T02:03:03.567Z","labels":`
	x := `"receivers":[{"name":"team-x"}],"startsAt":"2026-11-21T02:02:04.567Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":[],"state":"active"},`
	y := `"receivers":[{"name":"team-y"},{"name":"team-x"}],"startsAt":"2026-11-21T02:02:04.567Z","status":{"inhibitedBy":[],"mutedBy":["night"],"silencedBy":[],"state":"suppressed"},`
	want := `[{"alerts":[` +
		`{"annotations":{"summary":"It is \"0\" <b>"},` + head + `"` + fp("alertname=A,instance=1") + `",` + x + tail + `{"alertname":"A","instance":"1"}},` +
		`{"annotations":{"summary":"It is \"1\" <b>"},` + head + `"` + fp("alertname=A,instance=2") + `",` + x + tail + `{"alertname":"A","instance":"2"}}],` +
		`"labels":{"alertname":"A"},"receiver":{"name":"team-x"},"routeLabels":{"a":"1","z":"2"}},` +
		`{"alerts":[{"annotations":{"summary":"It is \"2\" <b>"},` + head + `"` + fp("alertname=B") + `",` + y + tail + `{"alertname":"B"}}],` +
		`"labels":{},"receiver":{"name":"team-y"},"routeLabels":{}}]` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d\n%s\nwant\n%s", w.Code, w.Body, want)
	}
	roundTrip(t, w.Body.String(), &models.AlertGroups{})
	if w := newNode(t).do("GET", "/api/v2/alerts/groups", ""); w.Body.String() != "[]\n" {
		t.Errorf("without groups: got %s", w.Body)
	}
}

func TestWhichGroupsAreListed(t *testing.T) {
	n := grouped(t)
	for query, want := range map[string]int{
		"": 3, "muted=false": 2, "muted=true": 3, "active=false": 1, "filter=instance%3D1": 1,
		"receiver=team-y": 1, "receiver=team": 0, "receiver_matchers=owner%3Dx": 2, "filter=alertname%3DB&muted=0": 0,
		"receiver=team-x&receiver_matchers=owner%3Dy": 0, "receiver_matchers=nobody%3D%22%22": 3,
	} {
		var groups models.AlertGroups
		w := n.do("GET", "/api/v2/alerts/groups?"+query, "")
		if err := json.Unmarshal(w.Body.Bytes(), &groups); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
		got := 0
		for _, g := range groups {
			got += len(g.Alerts)
		}
		if got != want {
			t.Errorf("?%s: got %d alerts, want %d: %s", query, got, want, w.Body)
		}
	}
}
