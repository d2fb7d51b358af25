package acceptance_test

import (
	"fmt"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

func TestBatching(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{groupBy: "[]", repeat: "2500ms"}))
	a := func(n string) rig.Alert { return rig.A("alertname", "batch", "job", "j", "instance", n) }

	s.Post(1, a("1").From(1))
	s.Post(1.5, a("5"))
	s.Want(hook, 2, 2+soon, rig.Told{
		Firing: []rig.Alert{a("1").From(1), a("5").FromIn(1.5, 1.9)},
		Key:    "{}:{}", Reason: reason(t, "first notification"),
	})
	// What joins the group waits for its next turn, and comes in one message.
	s.Post(3.3, a("3").From(3.1), a("2").From(3.2))
	s.Post(3.5, a("4").From(3))
	all := []rig.Alert{a("1").From(1), a("2").From(3.2), a("3").From(3.1), a("4").From(3), a("5").FromIn(1.5, 1.9)}
	s.Want(hook, 4, 4+soon, rig.Told{Firing: all, Key: "{}:{}", Reason: reason(t, "new alerts added")})
	s.Want(hook, 7, 7+soon, rig.Told{Firing: all, Key: "{}:{}", Reason: reason(t, "repeat interval elapsed")})
	s.Run(9)
}

func TestGroupsApart(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{
		groupBy: "[alertname, team]",
		route:   "routes:\n- matchers: ['sev=\"low\"']\n  group_by: ['...']\n  continue: true\n- matchers: ['sev=~\"lo.\"']\n  group_wait: 2s\n",
	}))
	x := rig.A("alertname", "x", "team", "a", "host", "1").From(1)
	y := rig.A("alertname", "x", "team", "b", "host", "1").From(1)
	z := rig.A("alertname", "x", "host", "1", "sev", "low").From(1)
	s.Post(1, x, y, z)
	for _, g := range []struct {
		a      rig.Alert
		labels map[string]string
		key    string
		from   float64
	}{
		{x, group("alertname", "x", "team", "a"), `{}:{alertname="x", team="a"}`, 2},
		{y, group("alertname", "x", "team", "b"), `{}:{alertname="x", team="b"}`, 2},
		{z, z.Labels, `{}/{sev="low"}:{alertname="x", host="1", sev="low"}`, 2},
		{z, group("alertname", "x"), `{}/{sev=~"lo."}:{alertname="x"}`, 3},
	} {
		s.Want(hook, g.from, g.from+soon, rig.Told{Firing: []rig.Alert{g.a}, Group: g.labels, Key: g.key})
	}
	s.Run(5.5)
}

func TestRepeat(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{repeat: "1500ms"}))
	a := rig.A("alertname", "again", "a", "b").Note("summary", "still there").Link("http://prometheus.test/graph").From(1)

	s.Post(1, a)
	told := rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "again"), Key: `{}:{alertname="again"}`}
	for i, why := range []string{"first notification", "repeat interval elapsed", "repeat interval elapsed"} {
		told.Reason = reason(t, why)
		s.Want(hook, float64(2+2*i), float64(2+2*i)+soon, told)
	}
	s.Post(6.3, a.To(6.3))
	told.Firing, told.Resolved, told.Reason = nil, []rig.Alert{a.To(6.3)}, reason(t, "all alerts resolved")
	s.Want(hook, 7, 7+soon, told)
	s.Run(9.7)
}

func TestRetry(t *testing.T) {
	t.Parallel()
	good, bad := rig.NewSink(t, "good"), rig.NewSink(t, "bad")
	s := one(t, config(nil, routing{receiver: fmt.Sprintf("webhook_configs:\n- url: %s\n- url: %s\n", good.URL, bad.URL)}))
	a := rig.A("alertname", "retry").From(1)
	told := rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "retry")}

	bad.Refuse(503)
	s.Post(1, a)
	s.At(4.5, "let the second receiver recover", func() { bad.Refuse(0) })
	// Each integration keeps its own account: the first is told once.
	s.Want(good, 2, 2+soon, told)
	s.Want(bad, 4.5, 9, told)
	s.Run(12)

	tries := bad.Arrivals()
	if len(tries) < 3 {
		t.Errorf("the failing receiver was asked %d times in all, want at least 3", len(tries))
	}
	if first := tries[0].At.Sub(s.Zero()).Seconds(); first < 2 || first > 2+soon {
		t.Errorf("the failing receiver was first asked at %.3f s, want 2 to %v", first, 2+soon)
	}
	if rig.Tested(t).Oracle {
		return
	}
	for _, try := range tries {
		if id := try.Header.Get("Idempotency-Key"); id != tries[0].Header.Get("Idempotency-Key") {
			t.Errorf("a retry has the Idempotency-Key %q, the first try had %q", id, tries[0].Header.Get("Idempotency-Key"))
		}
	}
}

func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	hook.Refuse(400)
	s := one(t, config(hook, routing{interval: "3s"}))
	s.Post(1, rig.A("alertname", "refused").From(1))
	s.Watch(hook)
	s.Run(4.5)
	// A 4xx is not tried again before the group's next turn.
	if n := len(hook.Arrivals()); n != 1 {
		t.Errorf("a receiver that answers 400 was asked %d times within its group interval, want 1", n)
	}
}

func TestWebhookTimeout(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 28, "the webhook's timeout")
	hook := rig.NewSink(t, "hook")
	hook.Answer(func(try int, _ *rig.Message) rig.Answer {
		if try == 1 {
			return rig.Answer{After: 20 * time.Second}
		}
		return rig.Answer{}
	})
	s := one(t, config(nil, routing{interval: "10s", receiver: fmt.Sprintf("webhook_configs:\n- url: %s\n  timeout: 500ms\n", hook.URL)}))
	a := rig.A("alertname", "slow").From(1)
	s.Post(1, a)
	s.Want(hook, 2.5, 4, rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "slow")})
	s.Run(7)
	if n := len(hook.Arrivals()); n != 2 {
		t.Errorf("the receiver was asked %d times, want 2: one that timed out, one that arrived", n)
	}
}

func TestResolved(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{global: "resolve_timeout: 2500ms\n"}))
	a := rig.A("alertname", "silent source", "v", "1")
	g := group("alertname", "silent source")

	// Nobody says when it ends, so it ends by the resolve timeout.
	s.Post(1, a.From(0.5))
	s.Want(hook, 1.5, 1.6+soon, rig.Told{Firing: []rig.Alert{a.From(0.5)}, Group: g})
	s.Want(hook, 4, 4+soon, rig.Told{
		Resolved: []rig.Alert{a.From(0.5).ToIn(3.5, 3.9)}, Group: g,
		Reason: reason(t, "all alerts resolved"),
	})
	s.Run(7)
}

func TestResolvedFilter(t *testing.T) {
	t.Parallel()
	both, firingOnly := rig.NewSink(t, "both"), rig.NewSink(t, "firing_only")
	s := one(t, config(nil, routing{receiver: fmt.Sprintf(
		"webhook_configs:\n- url: %s\n  send_resolved: true\n- url: %s\n  send_resolved: false\n", both.URL, firingOnly.URL)}))
	a, b := rig.A("alertname", "f", "n", "a").From(1), rig.A("alertname", "f", "n", "b").From(1)
	g := group("alertname", "f")

	s.Post(1, a, b)
	first := rig.Told{Firing: []rig.Alert{a, b}, Group: g, Reason: reason(t, "first notification")}
	s.Want(both, 2, 2+soon, first)
	s.Want(firingOnly, 2, 2+soon, first)
	s.Post(2.8, a.To(2.8))
	s.Want(both, 3, 3+soon, rig.Told{
		Firing: []rig.Alert{b}, Resolved: []rig.Alert{a.To(2.8)}, Group: g,
		Reason: reason(t, "some alerts resolved"),
	})
	s.Post(4.3, b.To(4.3))
	s.Want(both, 5, 5+soon, rig.Told{Resolved: []rig.Alert{b.To(4.3)}, Group: g, Reason: reason(t, "all alerts resolved")})
	// The group is over for both receivers, though one was not told so: what
	// fires now is a first notification again.
	s.Post(6.3, a.From(6.3))
	again := rig.Told{Firing: []rig.Alert{a.From(6.3)}, Group: g, Reason: reason(t, "first notification")}
	s.Want(both, 7, 7.3+soon, again)
	s.Want(firingOnly, 7, 7.3+soon, again)
	s.Run(9.5)
}
