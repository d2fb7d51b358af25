package sim_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"tocsin/cluster"
	"tocsin/cluster/clustertest"
)

// Times of the configuration that all runs have, and of the sources.
const (
	groupWait     = time.Second
	groupInterval = 5 * time.Second
	peerTimeout   = 4 * time.Second
	// resendEvery is how often a source repeats what fires, and what it says
	// lasts for validFor.
	resendEvery = 5 * time.Second
	validFor    = 20 * time.Second
	// calmFor is how long nothing goes wrong at the end of a run.
	// stillFor is how much of it is enough if nothing happens.
	calmFor  = 45 * time.Second
	stillFor = 2*groupInterval + slack
)

// world is one run: the nodes, the network, the sources and the receivers.
type world struct {
	s       schedule
	t       *testing.T
	dir     string
	verbose bool
	log     transcript

	zero      time.Time
	net       *clustertest.Network
	members   []*member
	receivers []*receiver
	alerts    []*source
	// graves are processes that were killed, tasks what steps began.
	graves, tasks sync.WaitGroup
	quit          chan struct{}
	reports       reports
	checker
}

// violation is a rule that did not hold.
type violation struct {
	// Rule is the invariant's number, or a word.
	Rule string
	At   time.Duration
	Text string
}

func (v violation) String() string { return fmt.Sprintf("%s at %v: %s", v.Rule, v.At, v.Text) }

func (w *world) note(format string, args ...any) {
	fmt.Fprintf(&w.log, "%9.3f  %s\n", time.Since(w.zero).Seconds(), fmt.Sprintf(format, args...))
}

func (w *world) violate(rule, format string, args ...any) {
	v := violation{rule, time.Since(w.zero), fmt.Sprintf(format, args...)}
	w.note("VIOLATION %s: %s", v.Rule, v.Text)
	w.vmu.Lock()
	defer w.vmu.Unlock()
	w.violations = append(w.violations, v)
}

// disks is the folder that has the machines' disks.
const disks = "disks"

// outcome is what a run came to.
type outcome struct {
	violations []violation
	transcript string
}

// run runs a schedule in a bubble of virtual time.
func run(t *testing.T, s schedule, verbose bool) (out outcome) {
	// The names of files are the same in all runs.
	if err := os.RemoveAll(disks); err != nil {
		t.Fatal(err)
	}
	w := &world{s: s, dir: disks, verbose: verbose}
	cryptotest.SetGlobalRandom(t, s.Seed)
	seedRuntime(s.Seed | 1)
	defer seedRuntime(0)
	func() {
		defer w.leaks()
		synctest.Test(t, func(t *testing.T) {
			w.t = t
			w.play()
		})
	}()
	return outcome{w.violations, w.log.String()}
}

// leaks notes the goroutines that do not end (I18), which synctest has found.
func (w *world) leaks() {
	what := recover()
	if what == nil {
		return
	}
	text := stacks()
	for _, g := range strings.Split(text, "\n\n") {
		if strings.Contains(g, "synctest bubble") && !leaksItself(g) {
			v := violation{"I18", time.Since(w.zero), fmt.Sprintf("%v: %s", what, g)}
			w.violations = append(w.violations, v)
			fmt.Fprintf(&w.log, "VIOLATION %s\n", v)
			return
		}
	}
}

// leaksItself reports whether a goroutine is one of those that hashicorp/raft
// leaves when a leader that hands over is closed meanwhile.
func leaksItself(stack string) bool {
	return strings.Contains(stack, "raft.(*Raft).leadershipTransfer(") || strings.Contains(stack, "raft.(*Raft).leaderLoop.func2(")
}

func (w *world) play() {
	w.zero = time.Now()
	w.net = clustertest.New(w.s.Seed)
	w.quit = make(chan struct{})
	w.checker.open(w)
	w.receivers = []*receiver{w.newReceiver("team", "10.0.0.100"), w.newReceiver("other", "10.0.0.101")}
	for i := range w.s.Nodes {
		m := w.newMember(i)
		w.members = append(w.members, m)
		m.writeConfig(1)
		m.start()
	}
	if !w.await(time.Minute, w.ready) {
		w.violate("form", "the nodes did not form a cluster within a minute")
	}
	for i, name := range alertNames {
		w.alerts = append(w.alerts, w.newSource(i, name))
	}
	var aside sync.WaitGroup
	for _, a := range w.alerts {
		aside.Go(a.run)
	}
	aside.Go(w.watchdog)
	w.note("the cluster is formed")
	for _, x := range w.s.Steps {
		time.Sleep(x.After)
		w.perform(x)
	}
	w.calm()
	close(w.quit)
	aside.Wait()
	w.finish()
	w.down()
}

func (w *world) ready() bool {
	for _, m := range w.members {
		node, _ := m.process()
		if node == nil {
			return false
		}
		select {
		case <-node.Ready():
		default:
			return false
		}
		if node.Machine().View().Config() == nil {
			return false
		}
	}
	return true
}

// await waits until holds, looking every 100 ms.
func (w *world) await(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// calm ends all faults and waits until the product had the time that it may
// take for what is left to do.
func (w *world) calm() {
	w.tasks.Wait()
	w.perform(step{Op: opHeal})
	w.perform(step{Op: opWell})
	for i := range w.members {
		w.perform(step{Op: opStart, A: i})
	}
	for i := range w.alerts {
		w.alerts[i].reachAll()
		w.alerts[i].setOn(true)
	}
	w.note("calm")
	w.disturb()
	w.settle()
}

// settle waits for as long as the product may take, or until it has had nothing
// to do for a while; in some runs always for as long as it may take, to see
// whether it finds something then.
func (w *world) settle() {
	const look = 500 * time.Millisecond
	still := time.Duration(0)
	for waited := time.Duration(0); waited < calmFor; waited += look {
		time.Sleep(look)
		still += look
		if !w.wellTold() || w.unsettled() != "" {
			still = 0
		}
		if still >= stillFor && w.s.Seed%16 != 0 {
			return
		}
	}
}

// down ends everything, so that what is left over shows: the bubble ends only
// when no goroutine is left (I18).
func (w *world) down() {
	var all sync.WaitGroup
	for _, m := range w.members {
		node := m.take()
		if node == nil {
			continue
		}
		all.Go(func() {
			if err := node.Close(context.Background()); err != nil {
				w.violate("I18", "%s does not end: %v", m.name, err)
			}
		})
	}
	all.Wait()
	w.graves.Wait()
	for _, r := range w.receivers {
		r.close()
	}
	clustertest.Drain()
}

// configText is version v of the configuration: the receivers see its number.
func configText(v int) string {
	const hook = `{url: "http://%s:80/hook", send_resolved: true, http_config: {http_headers: {X-Version: {values: ["%d"]}}}}`
	return fmt.Sprintf(`route:
  receiver: team
  group_by: [g]
  group_wait: %s
  group_interval: %s
  repeat_interval: 12h
  routes: [{receiver: other, matchers: [alertname="d"]}]
receivers:
  - {name: team, webhook_configs: [%s]}
  - {name: other, webhook_configs: [%s]}
`, groupWait, groupInterval, fmt.Sprintf(hook, "10.0.0.100", v), fmt.Sprintf(hook, "10.0.0.101", v))
}

func (m *member) writeConfig(v int) {
	if err := os.MkdirAll(filepath.Dir(m.configFile()), 0o700); err != nil {
		panic(err)
	}
	if err := os.WriteFile(m.configFile(), []byte(configText(v)), 0o600); err != nil {
		panic(err)
	}
}

// leader is the member that leads, nil if none does.
func (w *world) leader() *member {
	for _, m := range w.members {
		if node, up := m.up(); up && node.Cluster().Status().State == cluster.StateLeader {
			return m
		}
	}
	return nil
}
