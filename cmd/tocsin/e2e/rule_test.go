package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

const (
	mailUser     = "alert"
	mailPassword = "secret"
)

// trio starts three servers on three hosts of a network, at .11 to .13.
func trio(t *testing.T, l *lan, cfg string, flags ...string) *rig.Cluster {
	t.Helper()
	c := &rig.Cluster{}
	for i := 1; i <= 3; i++ {
		name, addr := fmt.Sprintf("n%d", i), l.addr(10+i)
		own := append([]string{
			"--web.listen-address=" + addr + ":9093", "--cluster.listen-address=" + addr + ":9094",
			"--web.external-url=http://" + name + ".test/",
		}, flags...)
		if rig.Tested(t).Oracle {
			// Its turns at a group must be over before the group's next one,
			// or it tells twice.
			own = append(own, "--cluster.peer-timeout=500ms")
		} else {
			own = append(own, "--cluster.peer-name="+name)
		}
		if i > 1 {
			own = append(own, "--cluster.peer="+l.addr(11)+":9094")
		}
		c.Nodes = append(c.Nodes, rig.StartNode(t, rig.NodeOptions{Name: name, Config: cfg, Flags: own, Wrap: l.host(name, 10+i)}))
		c.AwaitMembers(t, i, time.Duration(2*i)*time.Second)
	}
	return c
}

// TestRuleToMailAndWebhook lets a rule of a real Prometheus fire and resolve:
// each group is told once as firing and once as resolved, by mail and by
// webhook.
func TestRuleToMailAndWebhook(t *testing.T) {
	t.Parallel()
	ruleToBoth(t, newLAN(t, "r", "198.51.100"), false)
}

// TestRuleThroughLoadBalancer is the same with a load balancer in front: each
// message of Prometheus reaches one node only, now this one and now that.
func TestRuleThroughLoadBalancer(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "sharing alerts between nodes")
	ruleToBoth(t, newLAN(t, "b", "198.51.102"), true)
}

func ruleToBoth(t *testing.T, l *lan, balanced bool) {
	hook := rig.NewSinkAt(t, "hook", l.addr(1)+":0")
	post := startExim(t, eximOptions{Addr: l.addr(1), Host: l.addr(1), Port: 2525, User: mailUser, Password: mailPassword})
	c := trio(t, l, fmt.Sprintf(`global:
  smtp_smarthost: %[1]s:2525
  smtp_from: tocsin@mail.test
  smtp_auth_username: %[2]s
  smtp_auth_password: %[3]s
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 3s
  group_interval: 3s
  repeat_interval: 1h
receivers:
- name: hook
  webhook_configs:
  - url: %[4]s
  email_configs:
  - to: oncall@mail.test
    send_resolved: true
    tls_config: { ca_file: %[5]s }
`, l.addr(1), mailUser, mailPassword, hook.URL, post.CA))
	exp := newExporter(t, l.addr(1))
	healthy := map[string]float64{`e2e_up{node="a"}`: 1, `e2e_up{node="b"}`: 1, `e2e_up{node="c"}`: 1, "e2e_disk": 10}
	exp.set(healthy)
	targets := []string{l.addr(11) + ":9093", l.addr(12) + ":9093", l.addr(13) + ":9093"}
	if balanced {
		front := l.addr(1) + ":9093"
		startHAProxy(t, nil, balancer(t, front, targets), "http://"+front)
		targets = []string{front}
	}
	prom := startPrometheus(t, l.addr(1)+":9090", exp, targets)
	if n := len(hook.Arrivals()) + len(post.letters()); n > 0 {
		t.Fatalf("%d notifications before anything fired", n)
	}

	exp.set(map[string]float64{`e2e_up{node="a"}`: 0, `e2e_up{node="b"}`: 0, "e2e_disk": 95})
	told(t, hook, post, 2, 20*time.Second)
	began := prom.firing(t)
	time.Sleep(8 * time.Second) // further turns of the groups, in which nothing is due
	exp.set(healthy)
	told(t, hook, post, 4, 20*time.Second)
	time.Sleep(18 * time.Second) // behind a peer timeout
	judgeHook(t, hook, began)
	judgeMail(t, post.letters())
	for _, n := range c.Nodes {
		if list, err := n.Alerts(); err != nil || len(list) != 0 {
			t.Errorf("%s lists %v (%v) after the end, want none", n.Name, list, err)
		}
	}
}

// told waits until there are n notifications on both ways, and no more.
func told(t *testing.T, hook *rig.Sink, post *exim, n int, limit time.Duration) {
	t.Helper()
	ok := rig.Eventually(limit, 100*time.Millisecond, func() bool {
		return len(hook.Accepted()) >= n && len(post.letters()) >= n
	})
	if a, b := len(hook.Accepted()), len(post.letters()); !ok || a != n || b != n {
		t.Errorf("%d webhooks and %d mails, want %d each", a, b, n)
	}
}

// judgeHook checks the four webhooks: both groups, each as firing and then as
// resolved, with the starts that Prometheus gave.
func judgeHook(t *testing.T, hook *rig.Sink, began map[string]time.Time) {
	t.Helper()
	var got []string
	ids := map[string]bool{}
	for _, a := range hook.Arrivals() {
		m := a.Message
		if m == nil {
			t.Fatalf("a request is no notification: %s", a.Problem)
		}
		var alerts []string
		for _, one := range m.Alerts {
			id := one.Labels["alertname"] + "/" + one.Labels["node"]
			alerts = append(alerts, id)
			if one.Status != m.Status {
				t.Errorf("%s is %s in a message that is %s", id, one.Status, m.Status)
			}
			if want := began[id]; one.StartsAt.Sub(want).Abs() > time.Millisecond {
				t.Errorf("%s began at %v, Prometheus says %v", id, one.StartsAt, want)
			}
			if one.Labels["site"] != "e2e" || one.Annotations["summary"] == "" || !strings.Contains(one.GeneratorURL, "/graph?g0.expr=") {
				t.Errorf("%s came as %+v", id, one)
			}
			if one.EndsAt.IsZero() != (m.Status == "firing") || m.Status == "resolved" && !one.EndsAt.After(one.StartsAt) {
				t.Errorf("%s is %s and ends at %v", id, m.Status, one.EndsAt)
			}
		}
		slices.Sort(alerts)
		got = append(got, m.GroupLabels["alertname"]+" "+m.Status+" "+strings.Join(alerts, " "))
		ids[a.Header.Get("Idempotency-Key")] = true
	}
	slices.Sort(got)
	want := []string{
		"DiskFull firing DiskFull/", "DiskFull resolved DiskFull/",
		"NodeDown firing NodeDown/a NodeDown/b", "NodeDown resolved NodeDown/a NodeDown/b",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the webhooks were %q, want %q", got, want)
	}
	if len(ids) != len(want) && !rig.Tested(t).Oracle {
		t.Errorf("the webhooks have the delivery IDs %v, want four", slices.Collect(maps.Keys(ids)))
	}
}

// judgeMail checks the four mails.
func judgeMail(t *testing.T, letters []letter) {
	t.Helper()
	subjects := map[string]int{}
	ids := map[string]bool{}
	for _, l := range letters {
		subjects[strings.Fields(l.Subject)[0]+" "+strings.Fields(l.Subject)[1]]++
		ids[l.ID] = true
		if l.To != "oncall@mail.test" || l.From != "tocsin@mail.test" {
			t.Errorf("a mail from %q to %q", l.From, l.To)
		}
		if strings.Contains(l.Subject, "NodeDown") && (!strings.Contains(l.Text, "a is down") || !strings.Contains(l.Text, "b is down")) {
			t.Errorf("the mail %q does not name both nodes", l.Subject)
		}
	}
	want := map[string]int{"[FIRING:1] DiskFull": 1, "[RESOLVED] DiskFull": 1, "[FIRING:2] NodeDown": 1, "[RESOLVED] NodeDown": 1}
	if !maps.Equal(subjects, want) {
		t.Errorf("the mails were %v, want %v", subjects, want)
	}
	if len(ids) != len(want) || ids[""] {
		t.Errorf("the mails have the IDs %v, want four", slices.Collect(maps.Keys(ids)))
	}
}
