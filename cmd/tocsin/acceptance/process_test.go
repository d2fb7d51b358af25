package acceptance_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// TestWorksFromTheFirstRequest uses a node as soon as its status names a peer,
// as programs do that were written for Alertmanager: it has its configuration by
// then.
func TestWorksFromTheFirstRequest(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	n := rig.StartNode(t, rig.NodeOptions{Config: config(hook, routing{wait: "1ms"}), Hasty: true})
	id, r := n.PutSilence(rig.Mute("alertname", "muted", time.Hour))
	if id == "" {
		t.Errorf("POST silence at once: %v", r)
	}
	if r := n.PostAlerts(rig.A("alertname", "a").API(time.Now()), rig.A("alertname", "muted").API(time.Now())); r.Code != http.StatusOK {
		t.Errorf("POST alerts at once: %v", r)
	}
	list, err := n.Alerts("active=true", "silenced=false")
	if err != nil || len(list) != 1 || len(list[0].Receivers) != 1 {
		t.Errorf("alerts at once: %+v (%v), want one with its receiver", list, err)
	}
	now(t, "groups at once", func() (bool, string) {
		groups, err := n.Groups("silenced=false")
		return err == nil && len(groups) == 1, "not one group"
	})
	if st, err := n.Status(); err != nil || !strings.Contains(st.Config.Original, "receiver: hook") {
		t.Errorf("the status at once shows the configuration %q (%v)", st.Config.Original, err)
	}
	if !hook.Await(1, 2*time.Second) {
		t.Error("no notification within 2 s")
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{groupBy: "[]", interval: "4s"}))
	a, b := rig.A("alertname", "a").From(1), rig.A("alertname", "b").From(1)
	s.Post(1, a)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a}})
	s.At(3, "reload", func() {
		if !s.Cluster.Nodes[0].Reload(t) {
			t.Error("the reload failed")
		}
	})
	// The group's next turn would be at 6 s; the reload moves it to 7 s, and
	// what was told before it is not told again.
	s.Post(4.5, b)
	s.Want(hook, 7, 7+soon, rig.Told{Firing: []rig.Alert{a, b}, Reason: reason(t, "new alerts added")})
	s.Run(10)
}

func TestReloadOverHTTP(t *testing.T) {
	t.Parallel()
	hook, second := rig.NewSink(t, "hook"), rig.NewSink(t, "second")
	s := one(t, config(hook, routing{}))
	n := s.Cluster.Nodes[0]
	a := rig.A("alertname", "a").From(1)
	g := group("alertname", "a")
	s.Post(1, a)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a}, Group: g})
	s.At(3.5, "reload with another receiver", func() {
		n.WriteConfig(t, config(second, routing{}))
		if r := n.HTTPReload(); r.Code != http.StatusOK || r.Body != "" {
			t.Errorf("POST /-/reload: %v, want 200 and no body", r)
		}
		if v, _ := n.Metric("alertmanager_config_last_reload_successful"); v != 1 {
			t.Errorf("config_last_reload_successful is %v after a good reload", v)
		}
		if r := n.Get("/-/reload"); r.Code != http.StatusMethodNotAllowed {
			t.Errorf("GET /-/reload: %v, want 405", r)
		}
	})
	if rig.Tested(t).Oracle {
		// An Alertmanager knows an integration by its place, so it holds that
		// the new receiver was told.
		s.Watch(second)
	} else {
		s.Want(second, 3.5, 3.5+soon, rig.Told{Firing: []rig.Alert{a}, Group: g, Reason: "first notification"})
	}
	s.Run(6.5)
}

// TestShownConfig looks at the configuration that the status shows: it hides
// what is secret, has the defaults, and is one that a server loads.
func TestShownConfig(t *testing.T) {
	t.Parallel()
	secrets := []string{"topsecretpassword", "topsecretpath", "topsecrettoken"}
	n := rig.StartNode(t, rig.NodeOptions{Config: `global:
  smtp_smarthost: localhost:25
  smtp_from: a@b.test
  smtp_auth_password: topsecretpassword
  slack_api_url: https://slack.test/topsecretpath
route: {receiver: all, repeat_interval: 3h}
receivers:
- name: all
  slack_configs: [{channel: '#c'}]
  email_configs: [{to: c@d.test}]
  pagerduty_configs: [{routing_key: topsecrettoken}]
  webhook_configs:
  - url: http://127.0.0.1:1/
    http_config: {basic_auth: {username: user, password: topsecretpassword}}
`})
	st, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(st.Config.Original, secret) {
			t.Errorf("the status shows the secret %s", secret)
		}
	}
	for _, want := range []string{"<secret>", "repeat_interval: 3h", "resolve_timeout: 5m"} {
		if !strings.Contains(st.Config.Original, want) {
			t.Errorf("the status does not show %q:\n%s", want, st.Config.Original)
		}
	}
	// With the secrets filled in, what is shown is a configuration.
	filled := strings.ReplaceAll(st.Config.Original, "<secret>", "http://127.0.0.1:1/")
	again := rig.StartNode(t, rig.NodeOptions{Name: "again", Config: filled})
	if twice, err := again.Status(); err != nil || twice.Config.Original != st.Config.Original {
		t.Errorf("loaded again it is shown as (%v)\n%s\nbefore it was\n%s", err, twice.Config.Original, st.Config.Original)
	}
}

func TestColdStart(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 30, "--dispatch.start-delay")
	hook := rig.NewSink(t, "hook")
	s := rig.NewScenario(t, nil)
	a, b := rig.A("alertname", "a").From(1.5), rig.A("alertname", "b").From(1.5)
	s.At(0, "start", func() {
		s.Cluster = rig.StartCluster(t, 1, rig.NodeOptions{
			Config: config(hook, routing{groupBy: "[]", interval: "3s"}),
			Flags:  []string{"--dispatch.start-delay=5s"},
		})
	})
	s.Post(2, a)
	s.At(2.5, "reload", func() { // which must not wait for the end of the delay
		began := time.Now()
		if !s.Cluster.Nodes[0].Reload(t) {
			t.Error("the reload failed")
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the reload took %v", took)
		}
	})
	s.Want(hook, 5, 5.2+soon, rig.Told{Firing: []rig.Alert{a}})
	s.Post(6, b)
	s.Want(hook, 8, 8.2+soon, rig.Told{Firing: []rig.Alert{a, b}})
	s.Run(10)
}

func TestStopDuringStartDelay(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "ending at once while it waits for its start delay")
	hook := rig.NewSink(t, "hook")
	n := rig.StartNode(t, rig.NodeOptions{Config: config(hook, routing{}), Flags: []string{"--dispatch.start-delay=60s"}})
	if r := n.PostAlerts(rig.A("alertname", "a").API(time.Now())); r.Code != http.StatusOK {
		t.Errorf("POST alerts: %v", r)
	}
	n.Terminate(t, 5*time.Second)
	if got := hook.Arrivals(); len(got) > 0 {
		t.Errorf("%d notifications during the start delay", len(got))
	}
}

func TestWebWithPrefix(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := rig.NewScenario(t, rig.StartCluster(t, 1, rig.NodeOptions{
		Config: config(hook, routing{}), Flags: []string{"--web.route-prefix=/foo"}, Prefix: "/foo",
	}))
	a := rig.A("alertname", "a").From(1)
	s.Post(1, a)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "a")})
	s.Run(3.5)

	root := rig.NewClient(strings.TrimSuffix(s.Cluster.Nodes[0].Base, "/foo"))
	for path, want := range map[string]int{
		"/foo/api/v2/status": 200, "/foo/-/healthy": 200, "/foo/-/ready": 200, "/foo/metrics": 200, "/foo/": 200,
		"/api/v2/status": 404, "/-/healthy": 404, "/": 302,
	} {
		r := root.Get(path)
		if r.Code != want {
			t.Errorf("GET %s: %v, want %d", path, r, want)
		}
		if want == 302 && !strings.HasPrefix(r.Header.Get("Location"), "/foo") {
			t.Errorf("GET %s leads to %q, want /foo", path, r.Header.Get("Location"))
		}
	}
}
