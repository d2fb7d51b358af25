package acceptance_test

import (
	"testing"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// inhibition is a rule: a critical alert mutes the warnings of its service.
const inhibition = `inhibit_rules:
- source_matchers: ['severity="critical"']
  target_matchers: ['severity="warning"']
  equal: [service]
`

func TestInhibiting(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{groupBy: "[]", more: inhibition}))
	target := rig.A("alertname", "slow", "severity", "warning", "service", "a").From(1)
	other := rig.A("alertname", "slow", "severity", "warning", "service", "b").From(1)
	source := rig.A("alertname", "down", "severity", "critical", "service", "a").From(2.3)

	s.Post(1, target, other)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{target, other}})
	// The source appears: the target is told no more, but not as resolved.
	s.Post(2.8, source)
	s.Want(hook, 3, 3+soon, rig.Told{Firing: []rig.Alert{source, other}, Reason: reason(t, "new alerts added")})
	// The source is over: the target, which fired all the time, is told again.
	s.Post(4.3, source.To(4.3))
	s.Want(hook, 5, 5+soon, rig.Told{
		Firing: []rig.Alert{target, other}, Resolved: []rig.Alert{source.To(4.3)},
		Reason: reason(t, "new alerts added"),
	})
	s.Run(8)
}

func TestAlwaysInhibiting(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{groupBy: "[]", more: inhibition}))
	target := rig.A("alertname", "slow", "severity", "warning", "service", "a").From(1)
	source := rig.A("alertname", "down", "severity", "critical", "service", "a").From(1)

	s.Post(1, source)
	s.Post(1.2, target)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{source}})
	// Both end at once: nothing inhibits any more, so both ends are told.
	s.Post(3.3, source.To(3.3), target.To(3.3))
	s.Want(hook, 4, 4+soon, rig.Told{
		Resolved: []rig.Alert{source.To(3.3), target.To(3.3)},
		Reason:   reason(t, "all alerts resolved"),
	})
	s.Run(7)
}

func TestEmptyInhibitionRule(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 28, "surviving an empty inhibition rule")
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{groupBy: "[]", more: "inhibit_rules:\n-\n- {}\n"}))
	a, b := rig.A("alertname", "a").From(1), rig.A("alertname", "b").From(1)
	// A rule that matches everything has every alert on both its sides, and
	// such alerts do not inhibit one another.
	s.Post(1, a, b)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a, b}})
	s.Run(4)
}

func TestInhibitingByOneself(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	// Both sides match the same alerts, so none of them is muted; a source
	// that is on one side only mutes them all.
	s := one(t, config(hook, routing{groupBy: "[]", more: `inhibit_rules:
- source_matchers: ['mute=~".+"']
  target_matchers: ['kind="t"']
`}))
	a := rig.A("alertname", "a", "kind", "t", "mute", "1").From(1)
	b := rig.A("alertname", "b", "kind", "t", "mute", "1").From(1)
	strong := rig.A("alertname", "c", "kind", "s", "mute", "1").From(2.5)
	s.Post(1, a, b)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a, b}})
	s.Post(2.8, strong)
	s.Want(hook, 3, 3+soon, rig.Told{Firing: []rig.Alert{strong}})
	s.Run(5)
}
