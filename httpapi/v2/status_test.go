package v2_test

import (
	"testing"

	"github.com/prometheus/alertmanager/api/v2/models"

	"tocsin/httpapi/view"
)

func TestStatus(t *testing.T) {
	n := newNode(t)
	w := n.do("GET", "/api/v2/status", "")
	want := `{"cluster":{"name":"b","peers":[{"address":"10.0.0.2:9094","name":"b"},{"address":"10.0.0.3:9094","name":"c"}],"status":"ready"},` +
		`"config":{"original":"route:\n  receiver: team-x\n# <secret>\n"},"uptime":"2026-11-21T01:03:04.567Z",` +
		`"versionInfo":{"branch":"main","buildDate":"today","buildUser":"me","goVersion":"go1.26","revision":"abc","version":"0.1.0"}}`
	if w.Code != 200 || w.Body.String() != want+"\n" {
		t.Errorf("got %d\n%s\nwant\n%s", w.Code, w.Body, want)
	}
	roundTrip(t, w.Body.String(), &models.AlertmanagerStatus{})
}

func TestStatusOfALonelyOrWaitingNode(t *testing.T) {
	n := newNode(t)
	n.config = nil
	n.cluster.Ready = false
	w := n.do("GET", "/api/v2/status", "")
	var st models.AlertmanagerStatus
	roundTrip(t, w.Body.String(), &st)
	if *st.Cluster.Status != "settling" || *st.Config.Original != "" {
		t.Errorf("got %s", w.Body)
	}
	n.cluster = view.Cluster{}
	w = n.do("GET", "/api/v2/status", "")
	st = models.AlertmanagerStatus{}
	roundTrip(t, w.Body.String(), &st)
	if *st.Cluster.Status != "disabled" {
		t.Errorf("got %s", w.Body)
	}
}

func TestReceivers(t *testing.T) {
	n := newNode(t)
	for query, want := range map[string]string{
		"":                                 `[{"labels":{"name":"team-x","owner":"x"},"name":"team-x"},{"labels":{"name":"team-y","owner":"y"},"name":"team-y"},{"labels":{"name":"unused"},"name":"unused"}]`,
		"receiver_matchers=owner%3Dy":      `[{"labels":{"name":"team-y","owner":"y"},"name":"team-y"}]`,
		"receiver_matchers=owner%3D%22%22": `[{"labels":{"name":"unused"},"name":"unused"}]`,
		"receiver_matchers=owner%3Dy&receiver_matchers=owner%3Dx": `[]`,
	} {
		w := n.do("GET", "/api/v2/receivers?"+query, "")
		if w.Code != 200 || w.Body.String() != want+"\n" {
			t.Errorf("?%s: got %d\n%s\nwant\n%s", query, w.Code, w.Body, want)
		}
	}
}
