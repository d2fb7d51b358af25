package acceptance_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// replacing is three Alertmanagers that become three nodes, one after the other,
// as `tocsin help migrating` has it, under a source that posts to all three.
type replacing struct {
	t     *testing.T
	hook  *rig.Sink
	hosts [3]string
	dirs  [3]string
	old   string

	mu     sync.Mutex
	nodes  [3]*rig.Node            // guarded by mu
	alerts map[string]rig.APIAlert // guarded by mu
}

func (r *replacing) flags(i int, peers []int) []string {
	flags := []string{
		"--web.listen-address=" + r.hosts[i] + ":9093", "--cluster.listen-address=" + r.hosts[i] + ":9094",
		fmt.Sprintf("--web.external-url=http://n%d.test/", i+1),
	}
	for _, j := range peers {
		flags = append(flags, "--cluster.peer="+r.hosts[j]+":9094")
	}
	return flags
}

func (r *replacing) start(i int, o rig.NodeOptions) {
	o.Name, o.Dir = fmt.Sprintf("n%d", i+1), r.dirs[i]
	o.Config = config(r.hook, routing{wait: "500ms"})
	n := rig.StartNode(r.t, o)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes[i] = n
}

func (r *replacing) stop(i int) {
	r.mu.Lock()
	n := r.nodes[i]
	r.nodes[i] = nil
	r.mu.Unlock()
	n.Terminate(r.t, 10*time.Second)
}

// source posts what fires and what is over to every instance, as Prometheus does.
// An instance that is being stopped may not answer.
func (r *replacing) source(stop <-chan struct{}) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		r.mu.Lock()
		nodes := r.nodes
		var alerts []rig.APIAlert
		for _, a := range r.alerts {
			alerts = append(alerts, a)
		}
		r.mu.Unlock()
		for _, n := range nodes {
			if n != nil && len(alerts) > 0 {
				n.PostAlerts(alerts...)
			}
		}
	}
}

func (r *replacing) fire(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alerts[name] = rig.A("alertname", name).API(time.Now())
}

func (r *replacing) end(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.alerts[name]
	now := time.Now()
	a.EndsAt = &now
	r.alerts[name] = a
}

// told waits until the receiver was told something, and returns who told.
func (r *replacing) told(status, name string) {
	r.t.Helper()
	ok := rig.Eventually(15*time.Second, 50*time.Millisecond, func() bool { return slices.Contains(r.all(), status+" "+name) })
	if !ok {
		r.t.Fatalf("%s was not told as %s: %v", name, status, r.all())
	}
}

// all is what the receiver was told, in order.
func (r *replacing) all() []string {
	var out []string
	for _, a := range r.hook.Accepted() {
		out = append(out, a.Message.Status+" "+a.Message.GroupLabels["alertname"])
	}
	return out
}

// TestReplacesAlertmanagersOneByOne tells everything once: what fired before, in
// every phase of the change, and while nobody was there to tell it.
func TestReplacesAlertmanagersOneByOne(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "replacing")
	r := &replacing{t: t, hook: rig.NewSink(t, "hook"), old: rig.NeedTool(t, "prometheus-alertmanager"), alerts: make(map[string]rig.APIAlert)}
	for i := range r.hosts {
		r.hosts[i], r.dirs[i] = rig.Loopback(), t.TempDir()
	}
	for i := range r.hosts {
		others := slices.DeleteFunc([]int{0, 1, 2}, func(j int) bool { return j == i })
		r.start(i, rig.NodeOptions{Program: r.old, Flags: append(r.flags(i, others), "--cluster.peer-timeout=3s"), Hasty: true})
	}
	stop := make(chan struct{})
	var posting sync.WaitGroup
	posting.Go(func() { r.source(stop) })
	t.Cleanup(func() { close(stop); posting.Wait() })
	r.fire("before")
	r.fire("ends in the gap")
	r.told("firing", "before")
	r.told("firing", "ends in the gap")

	wait := "--dispatch.start-delay=1h"
	r.stop(0)
	r.start(0, rig.NodeOptions{Flags: append(r.flags(0, nil), wait)})
	r.fire("first phase")
	r.told("firing", "first phase")
	id := r.nodes[2].MustSilence(t, rig.Mute("alertname", "silenced", time.Hour))

	r.stop(1)
	r.start(1, rig.NodeOptions{Flags: append(r.flags(1, []int{0}), wait)})
	r.fire("second phase")
	r.end("first phase")
	r.told("firing", "second phase")
	r.told("resolved", "first phase")
	time.Sleep(time.Second) // until the last Alertmanager has noted that

	r.end("ends in the gap")
	r.stop(2)
	r.fire("in the gap")
	r.fire("silenced")
	r.start(2, rig.NodeOptions{Flags: r.flags(2, []int{0, 1})})
	r.told("firing", "in the gap")
	r.told("resolved", "ends in the gap")
	if state, err := silenceState(r.nodes[0], id); state != "active" {
		t.Errorf("the silence made meanwhile is %q (%v) on the first node", state, err)
	}

	for i := range 2 {
		r.stop(i)
		r.start(i, rig.NodeOptions{Flags: r.flags(i, []int{1 - i, 2})})
	}
	r.fire("after")
	r.end("before")
	r.told("firing", "after")
	r.told("resolved", "before")
	time.Sleep(3 * time.Second)
	got := r.all()
	slices.Sort(got)
	want := []string{
		"firing after", "firing before", "firing ends in the gap", "firing first phase", "firing in the gap", "firing second phase",
		"resolved before", "resolved ends in the gap", "resolved first phase",
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %v\nwant %v, each once", got, want)
	}
}
