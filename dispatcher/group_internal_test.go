package dispatcher

import (
	"context"
	"testing"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/inhibit"
	"tocsin/dispatcher/route"
)

// I18: a tick that was on its way when its group died must not set another, or
// the group would go on ticking with nothing in it.
func TestDeadGroupDoesNotTick(t *testing.T) {
	tree, err := route.New(&amconfig.Route{Receiver: "r"})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := inhibit.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := New(Options{Store: alert.NewStore(alert.Options{})})
	defer d.end()
	e := newEpoch(d, Setup{Routes: tree}, rules)
	g := newGroup(e, tree.Match(nil)[0], nil)

	if g.again(time.Now()); g.slot.place == 0 {
		t.Fatal("a group that lives has no next tick")
	}
	// The tick is taken out of the schedule to be run; meanwhile the group dies.
	if s, _ := d.schedule.pop(time.Now().Add(24 * time.Hour)); s != &g.slot {
		t.Fatal("the tick is not the group's")
	}
	g.mu.Lock()
	g.dead = true
	g.mu.Unlock()
	s := &g.slot
	s.fire()
	if s.place != 0 || g.ticks != 0 {
		t.Errorf("a dead group ticked %d times; its place in the schedule is %d", g.ticks, s.place)
	}
	if err := d.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}
