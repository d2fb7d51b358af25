package machines_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/client"
)

// limit bounds waiting for a cluster to do what it does within seconds, on a
// machine that is busy with other things.
const limit = 90 * time.Second

// world is three machines, a receiver, and a source that sends what fires to all
// of them every second, as Prometheus does.
type world struct {
	t        *testing.T
	machines []*machine
	sink     *rig.Sink

	mu     sync.Mutex
	firing map[string]time.Time // by alertname: since when
	ended  map[string]time.Time
	names  []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	lay(t)
	w := &world{t: t, firing: map[string]time.Time{}, ended: map[string]time.Time{}}
	w.sink = rig.NewSinkAt(t, "team", address(1)+":0")
	for i := 1; i <= 3; i++ {
		w.machines = append(w.machines, newMachine(t, i))
	}
	over, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Second):
				w.post()
			}
		}
	}()
	t.Cleanup(func() { close(over); <-stopped })
	return w
}

// post sends all that fires or has ended to every machine.
func (w *world) post() {
	w.mu.Lock()
	var alerts []rig.APIAlert
	later := time.Now().Add(2 * time.Minute)
	for name, since := range w.firing {
		a := rig.APIAlert{Labels: map[string]string{"alertname": name}, StartsAt: &since, EndsAt: &later}
		if end, over := w.ended[name]; over {
			a.EndsAt = &end
		}
		alerts = append(alerts, a)
	}
	w.mu.Unlock()
	var all sync.WaitGroup
	for _, m := range w.machines {
		all.Go(func() { rig.NewClient("http://" + m.ip + ":9093").PostAlerts(alerts...) }) // some are down
	}
	all.Wait()
}

// fire lets an alert fire from now on.
func (w *world) fire(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.firing[name] = time.Now()
	w.names = append(w.names, name)
}

// endAll ends all alerts.
func (w *world) endAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.firing {
		if _, over := w.ended[name]; !over {
			w.ended[name] = time.Now()
		}
	}
}

// told counts the messages that say of an alert that it is firing, or resolved.
func (w *world) told(name, status string) int {
	n := 0
	for _, a := range w.sink.Accepted() {
		for _, alert := range a.Message.Alerts {
			if alert.Labels["alertname"] == name && alert.Status == status {
				n++
			}
		}
	}
	return n
}

// awaitTold waits until people know.
func (w *world) awaitTold(status string, names ...string) {
	w.t.Helper()
	for _, name := range names {
		if !rig.Eventually(limit, 50*time.Millisecond, func() bool { return w.told(name, status) > 0 }) {
			w.t.Fatalf("nobody was told that %s is %s", name, status)
		}
	}
}

// awaitQuorum waits until the machines see each other and have agreed on a
// leader; it is the state that an operator waits for before he goes on to the
// next machine.
func (w *world) awaitQuorum(machines ...*machine) {
	w.t.Helper()
	for _, m := range machines {
		var last string
		ok := rig.Eventually(limit, 200*time.Millisecond, func() bool {
			st, err := m.status()
			last = fmt.Sprintf("%+v %v", st, err)
			q := st.Cluster.Quorum
			return err == nil && q.Held && q.Voters == len(w.machines) && q.Reachable == len(machines) && st.Cluster.Leader != nil
		})
		if !ok {
			w.t.Fatalf("%s does not see a quorum of %d: %s", m.name, len(machines), last)
		}
	}
}

// leader is the machine that leads.
func (w *world) leader() *machine {
	w.t.Helper()
	st, err := w.machines[0].status()
	if err != nil || st.Cluster.Leader == nil {
		w.t.Fatalf("who leads? %+v %v", st, err)
	}
	for _, m := range w.machines {
		if m.name == st.Cluster.Leader.Name {
			return m
		}
	}
	w.t.Fatalf("%q leads, which is no machine", st.Cluster.Leader.Name)
	return nil
}

// status is what `tocsin status -o json` says.
func (m *machine) status() (client.Status, error) {
	var st client.Status
	out, err := m.try("tocsin status -o json 2>&1")
	if err != nil {
		return st, fmt.Errorf("%w: %s", err, out)
	}
	return st, json.Unmarshal([]byte(out), &st)
}

// property is one of systemd's about the service.
func (m *machine) property(name string) string {
	m.t.Helper()
	return m.do("systemctl show -p " + name + " --value tocsin.service")
}

// lines are the lines of a text that hold a word.
func lines(text, word string) (out []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}
