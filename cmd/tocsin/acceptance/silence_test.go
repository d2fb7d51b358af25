package acceptance_test

import (
	"net/http"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

func TestAddSilence(t *testing.T) {
	t.Parallel()
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{})})
	yes := true
	want := rig.Mute("alertname", "x", time.Hour)
	want.Matchers = append(want.Matchers, rig.APIMatcher{Name: "host", Value: "a.*", IsRegex: true, IsEqual: &yes})
	before := time.Now().Add(-time.Millisecond)
	id := n.MustSilence(t, want)

	got, err := n.Silence(id)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case got.ID != id, got.Comment != want.Comment, got.CreatedBy != want.CreatedBy:
		t.Errorf("the silence reads back as %+v, want %+v", got, want)
	case got.Status == nil || got.Status.State != "active":
		t.Errorf("its status is %+v, want active", got.Status)
	case got.EndsAt.Sub(want.EndsAt).Abs() > time.Millisecond:
		t.Errorf("it ends at %v, want %v", got.EndsAt, want.EndsAt)
	case got.StartsAt.Before(before) || got.StartsAt.After(time.Now()):
		t.Errorf("it starts at %v, want when it was made", got.StartsAt)
	case len(got.Matchers) != 2 || !got.Matchers[1].IsRegex && !got.Matchers[0].IsRegex:
		t.Errorf("its matchers are %+v", got.Matchers)
	}
	// A longer end and another comment are the same silence; other matchers
	// are another one, and the old one ends.
	got.EndsAt, got.Comment = got.EndsAt.Add(time.Hour), "longer"
	if again := n.MustSilence(t, got); again != id {
		t.Errorf("a change of end and comment gives the ID %s, want the same, %s", again, id)
	}
	got.Matchers = got.Matchers[:1]
	other := n.MustSilence(t, got)
	if other == id {
		t.Error("a change of matchers gives the same ID, want another")
	}
	states := map[string]string{}
	list, err := n.Silences()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		states[s.ID] = s.Status.State
	}
	if len(states) != 2 || states[id] != "expired" || states[other] != "active" {
		t.Errorf("the silences are %v, want %s expired and %s active", states, id, other)
	}
	if r := n.DeleteSilence(other); r.Code != http.StatusOK {
		t.Errorf("DELETE: %v", r)
	}
	if r := n.DeleteSilence(other); r.Code != http.StatusOK {
		t.Errorf("DELETE of an expired silence: %v, want 200", r)
	}
}

// silenceState is a silence's state; empty if there is none.
func silenceState(n *rig.Node, id string) (string, error) {
	s, err := n.Silence(id)
	if err != nil || s.Status == nil {
		return "", err
	}
	return s.Status.State, nil
}

func TestSilencing(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{repeat: "1500ms"}))
	a, b := rig.A("alertname", "x", "host", "a").From(1), rig.A("alertname", "x", "host", "b").From(1)
	g := group("alertname", "x")

	s.Post(1, a, b)
	s.Want(hook, 2, 2+soon, rig.Told{Firing: []rig.Alert{a, b}, Group: g})
	s.At(2.9, "silence host a until 5.3 s", func() {
		s.Cluster.Nodes[0].MustSilence(t, rig.Mute("host", "a", time.Until(s.Zero().Add(rig.Seconds(5.3)))))
	})
	s.Want(hook, 4, 4+soon, rig.Told{Firing: []rig.Alert{b}, Group: g, Reason: reason(t, "repeat interval elapsed")})
	s.Want(hook, 6, 6+soon, rig.Told{Firing: []rig.Alert{a, b}, Group: g, Reason: reason(t, "new alerts added")})
	s.Run(7.7)
}

func TestSilenceDelete(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{}))
	a := rig.A("alertname", "x").From(1)
	var id string
	s.At(0.5, "silence everything of x", func() { id = s.Cluster.Nodes[0].MustSilence(t, rig.Mute("alertname", "x", time.Hour)) })
	s.Post(1, a)
	s.At(3.4, "end the silence", func() {
		if r := s.Cluster.Nodes[0].DeleteSilence(id); r.Code != http.StatusOK {
			t.Errorf("DELETE: %v", r)
		}
	})
	s.Want(hook, 4, 4+soon, rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "x"), Reason: reason(t, "first notification")})
	s.Run(6.5)
}

func TestSilenceTakesTurns(t *testing.T) {
	t.Parallel()
	hook := rig.NewSink(t, "hook")
	s := one(t, config(hook, routing{}))
	n := s.Cluster.Nodes[0]
	a := rig.A("alertname", "x").From(1)
	// A pending silence begins by itself.
	s.At(0.5, "silence from 0.8 s to 2.6 s", func() {
		mute := rig.Mute("alertname", "x", 0)
		mute.StartsAt, mute.EndsAt = s.Zero().Add(rig.Seconds(0.8)), s.Zero().Add(rig.Seconds(2.6))
		id := n.MustSilence(t, mute)
		if state, err := silenceState(n, id); state != "pending" {
			t.Errorf("the silence is %q (%v), want pending", state, err)
		}
	})
	s.Post(1, a)
	s.Want(hook, 3, 3+soon, rig.Told{Firing: []rig.Alert{a}, Group: group("alertname", "x")})
	s.Run(5)
}
