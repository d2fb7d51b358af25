package acceptance_test

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

func TestAddAlerts(t *testing.T) {
	t.Parallel()
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{}), Flags: []string{rig.ClassicMode}})
	start := time.Now().Add(-time.Minute).Round(time.Millisecond).UTC()
	end := start.Add(time.Hour)
	// The old alphabet is for names only: values may be anything.
	want := rig.APIAlert{
		Labels: map[string]string{"alertname": "zu heiß", "ort": "Müllraum 🔥", "empty": ""}, Annotations: map[string]string{"note": "läuft über", "none": ""},
		StartsAt: &start, EndsAt: &end, GeneratorURL: "http://prometheus.test/graph?g0.expr=1",
	}
	if r := n.PostAlerts(want); r.Code != http.StatusOK || r.Body != "" {
		t.Fatalf("POST alerts: %v, want 200 and no body", r)
	}
	list, err := n.Alerts()
	if err != nil || len(list) != 1 {
		t.Fatalf("alerts: %v %v, want one", list, err)
	}
	delete(want.Labels, "empty") // a label without a value is no label
	a := list[0]
	if fmt.Sprint(a.Labels) != fmt.Sprint(want.Labels) || fmt.Sprint(a.Annotations) != fmt.Sprint(want.Annotations) || a.GeneratorURL != want.GeneratorURL {
		t.Errorf("the alert reads back as %+v, want %+v", a, want)
	}
	if !a.StartsAt.Equal(start) || !a.EndsAt.Equal(end) || a.Fingerprint != rig.Fingerprint(want.Labels) {
		t.Errorf("the alert has start %v, end %v, fingerprint %s", a.StartsAt, a.EndsAt, a.Fingerprint)
	}
	if len(a.Receivers) != 1 || a.Receivers[0].Name != "hook" {
		t.Errorf("its receivers are %v, want hook", a.Receivers)
	}
}

// now checks something that must hold as soon as the request before it was
// answered. An Alertmanager needs a moment for it.
func now(t *testing.T, what string, check func() (bool, string)) {
	t.Helper()
	var got string
	limit := time.Duration(0)
	if rig.Tested(t).Oracle {
		limit = time.Second
	}
	if !rig.Eventually(limit, 20*time.Millisecond, func() (ok bool) { ok, got = check(); return ok }) {
		t.Errorf("%s: %s", what, got)
	}
}

func TestAlertGetReturnsCurrentAlertStatus(t *testing.T) {
	t.Parallel()
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{wait: "1ms", more: inhibition})})
	target := rig.A("alertname", "slow", "severity", "warning", "service", "a").API(time.Now())
	source := rig.A("alertname", "down", "severity", "critical", "service", "a").API(time.Now())
	post := func(a rig.APIAlert) {
		if r := n.PostAlerts(a); r.Code != http.StatusOK {
			t.Fatalf("POST alerts: %v", r)
		}
	}
	status := func(what, state string, silencedBy, inhibitedBy []string) {
		t.Helper()
		now(t, what, func() (bool, string) {
			list, err := n.Alerts(`filter=alertname="slow"`)
			if err != nil || len(list) != 1 || list[0].Status == nil {
				return false, fmt.Sprintf("alerts %v %v, want one", list, err)
			}
			s := list[0].Status
			return s.State == state && slices.Equal(s.SilencedBy, silencedBy) && slices.Equal(s.InhibitedBy, inhibitedBy),
				fmt.Sprintf("status %+v, want %s by %v %v", *s, state, silencedBy, inhibitedBy)
		})
	}
	post(target)
	status("new alert", "active", nil, nil)
	id := n.MustSilence(t, rig.Mute("alertname", "slow", time.Minute))
	status("silenced", "suppressed", []string{id}, nil)
	post(source)
	status("silenced and inhibited", "suppressed", []string{id}, []string{rig.Fingerprint(source.Labels)})
	n.DeleteSilence(id)
	status("inhibited", "suppressed", nil, []string{rig.Fingerprint(source.Labels)})
	end := time.Now()
	source.EndsAt, source.StartsAt = &end, target.StartsAt
	post(source)
	status("free again", "active", nil, nil)
}

func TestFilterAlertRequest(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	n := rig.StartNode(t, rig.NodeOptions{Config: config(hook, routing{
		wait:  "1ms",
		route: "routes:\n- matchers: ['team=\"db\"']\n  receiver: db\n",
		more:  "- name: db\n- name: unused\n" + inhibition,
	})})
	for _, labels := range [][]string{
		{"n", "1", "alertname", "x", "severity", "warning", "service", "a"},
		{"n", "2", "alertname", "x", "severity", "critical", "service", "a"},
		{"n", "3", "alertname", "y", "severity", "warning", "service", "b", "team", "db"},
		{"n", "4", "alertname", "y", "severity", "info"},
	} {
		if r := n.PostAlerts(rig.A(labels...).API(time.Now())); r.Code != http.StatusOK {
			t.Fatalf("POST alerts: %v", r)
		}
	}
	n.MustSilence(t, rig.Mute("n", "4", time.Minute))
	now(t, "suppressed alerts", func() (bool, string) {
		got := listed(t, n, "active=false")
		return got == "14", "listed " + got + ", want 14"
	})
	for _, c := range []struct{ query, want string }{
		{"", "1234"},
		{`filter=alertname="x"`, "12"},
		{`filter=alertname=x`, "12"},
		{`filter=alertname=~"x|y"&filter=severity="warning"`, "13"},
		{`filter=alertname="x"&filter=severity="warning"&filter=service="b"`, ""},
		{`filter=severity!="warning"`, "24"},
		{`filter=severity!~"w.*|i.*"`, "2"},
		{`filter=team=""`, "124"},
		{`filter=team!=""`, "3"},
		{`filter=alertname=~"."&filter=alertname!="x"&filter=n=~"[1-3]"`, "3"},
		{`filter=alertname=~"("`, "400"},
		{`filter={alertname="x"}`, "400"},
		{`filter=alertname`, "400"},
		{"receiver=db", "3"},
		{"receiver=d", ""}, // anchored
		{"receiver=hook|db", "1234"},
		{"receiver=(", "400"},
		{"active=false", "14"},
		{"silenced=false", "123"},
		{"inhibited=false", "234"},
		{"silenced=false&inhibited=false", "23"},
		{"active=false&silenced=false", "1"},
		{"active=false&silenced=false&inhibited=false", ""},
		{`inhibited=false&filter=alertname="x"`, "2"},
		{"unknown=1", "1234"},
	} {
		var query []string
		if c.query != "" {
			query = strings.Split(c.query, "&")
		}
		if c.want == "400" {
			if _, err := n.Alerts(query...); err == nil || !strings.Contains(err.Error(), ": 400 ") {
				t.Errorf("alerts %q: %v, want 400", c.query, err)
			}
			continue
		}
		if got := listed(t, n, query...); got != c.want {
			t.Errorf("alerts %q are %q, want %q", c.query, got, c.want)
		}
	}
}

// listed are the values of label n of the alerts that a query selects, joined,
// and the whole list sorted by fingerprint.
func listed(t *testing.T, n *rig.Node, query ...string) string {
	t.Helper()
	list, err := n.Alerts(query...)
	if err != nil {
		t.Errorf("alerts %q: %v", query, err)
	}
	if !sort.SliceIsSorted(list, func(i, j int) bool { return list[i].Fingerprint < list[j].Fingerprint }) {
		t.Errorf("alerts %q are not sorted by fingerprint", query)
	}
	var names []string
	for _, a := range list {
		names = append(names, a.Labels["n"])
	}
	slices.Sort(names)
	return strings.Join(names, "")
}

func TestMergeAlerts(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{repeat: "1500ms"}))
	a := rig.A("alertname", "m")
	g := group("alertname", "m")

	s.Post(1, a.From(1).Note("v", "1"))
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a.From(1).Note("v", "1")}, Group: g})
	// A later start belongs to the same incident; the annotations are the
	// newest ones.
	s.Post(2.8, a.From(2).Note("v", "2"))
	s.Want(hook, 4, 4+soon, rig.Told{Firing: []rig.Alert{a.From(1).Note("v", "2")}, Group: g})
	s.Post(4.5, a.From(3).To(4.5).Note("v", "3"))
	s.Want(hook, 5, 5+soon, rig.Told{Resolved: []rig.Alert{a.From(1).To(4.5).Note("v", "3")}, Group: g})
	// After the end it is another incident.
	s.Post(6.3, a.From(6).Note("v", "4"))
	s.Want(hook, 7, 7.3+soon, rig.Told{Firing: []rig.Alert{a.From(6).Note("v", "4")}, Group: g})
	s.Run(8.5)
}

func TestMergeAlertsWithEndsAt(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{}))
	a := rig.A("alertname", "m")
	g := group("alertname", "m")

	s.Post(1, a.From(1).To(4.5))
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a.From(1)}, Group: g})
	// A shorter end does not take back what was promised before…
	s.Post(2.5, a.From(2).To(3.5))
	s.At(2.7, "look", func() {
		list, err := s.Cluster.Nodes[0].Alerts()
		if err != nil || len(list) != 1 {
			t.Fatalf("alerts: %v %v, want one", list, err)
		}
		start, end := list[0].StartsAt.Sub(s.Zero()), list[0].EndsAt.Sub(s.Zero())
		if start != rig.Seconds(1) || end != rig.Seconds(4.5) {
			t.Errorf("the merged alert is from %v to %v, want from 1s to 4.5s", start, end)
		}
	})
	// …so it ends by itself at the later one.
	s.Want(hook, 5, 5+soon, rig.Told{Resolved: []rig.Alert{a.From(1).To(4.5)}, Group: g})
	s.Run(7.5)
}
