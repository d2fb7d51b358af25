package acceptance_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// utf8Names is what a server must be able to do for names of any alphabet.
const utf8Names = "names of any alphabet"

func TestAddUTF8Alerts(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 27, utf8Names)
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{wait: "1ms"})})
	a := rig.A("alertname", "x", "größe", "XL", "a b.c", "1", "😀", "yes").Note("übersicht", "läuft")
	b := rig.A("alertname", "x", "größe", "S")
	if r := n.PostAlerts(a.API(time.Now()), b.API(time.Now())); r.Code != http.StatusOK {
		t.Fatalf("POST alerts: %v", r)
	}
	for query, want := range map[string]int{
		`filter="größe"="XL"`:                 1,
		`filter=größe=XL`:                     1,
		`filter="größe"=~"X?[LS]"`:            2,
		`filter="a b.c"="1"`:                  1,
		`filter="😀"!="yes"`:                   1,
		`filter="größe"="XL"&filter="😀"="no"`: 0,
	} {
		list, err := n.Alerts(strings.Split(query, "&")...)
		if err != nil || len(list) != want {
			t.Errorf("alerts %s: %d (%v), want %d", query, len(list), err, want)
			continue
		}
		if want == 1 && strings.Contains(query, "XL") {
			if list[0].Labels["😀"] != "yes" || list[0].Annotations["übersicht"] != "läuft" || list[0].Fingerprint != rig.Fingerprint(a.Labels) {
				t.Errorf("the alert reads back as %+v", list[0])
			}
		}
	}
	now(t, "groups", func() (bool, string) {
		groups, err := n.Groups(`filter="a b.c"="1"`)
		return err == nil && len(groups) == 1 && len(groups[0].Alerts) == 1, "not one group with one alert"
	})
}

func TestCannotAddUTF8AlertsInClassicMode(t *testing.T) {
	t.Parallel()
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{}), Flags: []string{rig.ClassicMode}})
	good := rig.A("alertname", "good")
	for what, bad := range map[string]rig.Alert{
		"a label's name":       rig.A("alertname", "x", "größe", "XL"),
		"an annotation's name": rig.A("alertname", "x").Note("a b", "c"),
	} {
		r := n.PostAlerts(bad.API(time.Now()), good.API(time.Now()))
		want := "invalid label set"
		if len(bad.Notes) > 0 {
			want = "invalid annotation"
		}
		if r.Code != http.StatusBadRequest || !strings.Contains(r.Body, want) {
			t.Errorf("POST with UTF-8 in %s: %v, want 400 with %q", what, r, want)
		}
	}
	// The good one of each batch is there all the same.
	if list, err := n.Alerts(); err != nil || len(list) != 1 || list[0].Labels["alertname"] != "good" {
		t.Errorf("alerts: %v %v, want the good one only", list, err)
	}
}

func TestAddUTF8Silences(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 27, utf8Names)
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{wait: "1ms"})})
	mute := rig.Mute("größe 😀", "X|L", time.Minute)
	mute.Matchers[0].IsRegex = true
	id := n.MustSilence(t, mute)
	if s, err := n.Silence(id); err != nil || s.Matchers[0].Name != "größe 😀" || s.Matchers[0].Value != "X|L" {
		t.Errorf("the silence reads back as %+v (%v)", s, err)
	}
	if list, err := n.Silences(`filter="größe 😀"=~"X|L"`); err != nil || len(list) != 1 {
		t.Errorf("silences with that matcher: %v %v, want one", list, err)
	}
	if r := n.PostAlerts(rig.A("alertname", "x", "größe 😀", "L").API(time.Now())); r.Code != http.StatusOK {
		t.Fatalf("POST alerts: %v", r)
	}
	now(t, "silenced alerts", func() (bool, string) {
		list, err := n.Alerts("active=false")
		return err == nil && len(list) == 1 && slices.Equal(list[0].Status.SilencedBy, []string{id}), "the alert is not silenced"
	})
}

func TestCannotAddUTF8SilencesInClassicMode(t *testing.T) {
	t.Parallel()
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{}), Flags: []string{rig.ClassicMode}})
	_, r := n.PutSilence(rig.Mute("größe", "XL", time.Minute))
	want := "invalid silence: invalid label matcher"
	if rig.Tested(t).Older(27) {
		want = "silence invalid: invalid label matcher"
	}
	if r.Code != http.StatusBadRequest || !strings.Contains(r.Body, want) {
		t.Errorf("POST silence: %v, want 400 with %q", r, want)
	}
	if list, err := n.Silences(); err != nil || len(list) != 0 {
		t.Errorf("silences: %v %v, want none", list, err)
	}
}

func TestSendAlertsToUTF8Route(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 27, utf8Names)
	hook, far := rig.NewSink(t, "hook"), rig.NewSink(t, "far")
	s := one(t, config(hook, routing{
		groupBy: "['größe', '😀']",
		route:   "routes:\n- matchers: ['\"größe\"=~\"X.*\"']\n  receiver: far ☎\n",
		more:    "- name: far ☎\n  webhook_configs:\n  - url: " + far.URL + "\n",
	}))
	a := rig.A("größe", "XL", "😀", "yes", "alertname", "x").From(1)
	b := rig.A("größe", "S", "alertname", "x").From(1)
	s.Post(1, a, b)
	s.Want(far, 2, 2+soon, rig.Told{
		Firing: []rig.Alert{a}, Group: group("größe", "XL", "😀", "yes"), Receiver: "far ☎",
		Key: `{}/{größe=~"X.*"}:{größe="XL", 😀="yes"}`,
	})
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{b}, Group: group("größe", "S")})
	s.Run(3.5)
}
