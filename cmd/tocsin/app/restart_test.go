package app_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const restartConfig = `route:
  receiver: team
  group_by: [alertname]
  group_wait: 2s
  group_interval: 30s
  repeat_interval: 12h
inhibit_rules:
  - source_matchers: [alertname = Roof]
    target_matchers: [alertname = Floor]
receivers:
  - name: team
    webhook_configs:
      - url: http://10.0.0.100:80/hook
`

// power is the mains of a lab: nodes lose it at once, and come back over what
// was on their disks.
type power struct {
	*lab
	zero   time.Time
	graves sync.WaitGroup
}

func newPower(t *testing.T, change func(*labNode)) *power {
	t.Helper()
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, []byte(restartConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &power{lab: newLabOf(t, 3, func(n *labNode) {
		n.opts.Settings.ConfigFile = file
		change(n)
	})}
	t.Cleanup(p.graves.Wait)
	p.zero = time.Now()
	return p
}

// until waits for a moment after zero.
func (p *power) until(d time.Duration) { time.Sleep(time.Until(p.zero.Add(d))) }

// off kills nodes. What is on their disks now is what they find later: it is
// copied while nothing runs, so nothing that the dying do can reach it.
func (p *power) off(nodes []*labNode) {
	p.t.Helper()
	synctest.Wait()
	for _, n := range nodes {
		dead, folder := n.Node, p.t.TempDir()
		if err := os.CopyFS(folder, os.DirFS(n.opts.Settings.DataDir)); err != nil {
			p.t.Fatal(err)
		}
		n.opts.Settings.DataDir, n.Node = folder, nil
		p.net.Kill(n.ip)
		p.graves.Go(func() {
			_ = dead.Cluster().Close()
			_ = dead.Close(context.Background())
		})
	}
}

func (p *power) on(nodes []*labNode) {
	p.t.Helper()
	for _, n := range nodes {
		n.host = p.net.Host(n.ip)
		p.start(n)
	}
}

// send posts an alert to all nodes that live, which starts and ends at moments after zero.
func (p *power) send(labels string, starts, ends time.Duration) {
	p.t.Helper()
	body := fmt.Sprintf(`[{"labels":%s,"startsAt":%q,"endsAt":%q}]`, labels,
		p.zero.Add(starts).Format(time.RFC3339Nano), p.zero.Add(ends).Format(time.RFC3339Nano))
	for _, n := range p.nodes {
		if n.Node == nil {
			continue
		}
		if w := n.do(http.MethodPost, "/api/v2/alerts", body); w.Code != http.StatusOK {
			p.t.Fatalf("%s answered %d: %s", n.ip, w.Code, w.Body)
		}
	}
}

// message is what was told: a status, how many alerts, and between which moments
// after zero.
type message struct {
	status   string
	alerts   int
	from, to time.Duration
}

// wants checks all that was told of an alertname.
func (p *power) wants(name, why string, want ...message) {
	p.t.Helper()
	p.inbox.mu.Lock()
	defer p.inbox.mu.Unlock()
	var told []string
	good := true
	for _, g := range p.inbox.got {
		if len(g.Alerts) == 0 || g.Alerts[0].Labels["alertname"] != name {
			continue
		}
		at, i := g.At.Sub(p.zero), len(told)
		told = append(told, fmt.Sprintf("%s of %d at %v", g.Status, len(g.Alerts), at))
		good = good && i < len(want) && want[i].status == g.Status && want[i].alerts == len(g.Alerts) && want[i].from <= at && at <= want[i].to
	}
	if !good || len(told) != len(want) {
		p.t.Errorf("%s was told: %s; want %v: %s", name, strings.Join(told, ", "), want, why)
	}
}

// TestPowerCut kills all nodes at once, and starts them 13 s later. It cites the
// design's invariants.
func TestPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const s, interval = time.Second, 30 * time.Second
		p := newPower(t, func(*labNode) {})
		for _, name := range []string{"Ends", "Lapses", "Fires", "Roof", "Stays"} {
			p.send(fmt.Sprintf(`{"alertname":%q}`, name), -s, 60*s)
		}
		p.send(`{"alertname":"Stays"}`, -s, 3600*s)
		time.Sleep(s) // sources of inhibition come first here
		p.send(`{"alertname":"Floor"}`, 0, 60*s)
		p.until(40 * s)
		p.send(`{"alertname":"Old","i":"1"}`, 40*s, 3600*s)
		p.until(49 * s)
		p.send(`{"alertname":"Ends"}`, -s, 49*s)
		p.send(`{"alertname":"Unsaid"}`, 48*s, 60*s)
		p.send(`{"alertname":"Old","i":"3"}`, 48*s, 60*s) // nobody will ever hear of it
		p.until(50 * s)
		p.off(p.nodes)

		p.until(63 * s)
		p.on(p.nodes)
		p.until(64 * s)
		p.send(`{"alertname":"Floor"}`, 0, 304*s)
		p.send(`{"alertname":"Old","i":"2"}`, 64*s, 3600*s)
		p.until(70 * s)
		p.send(`{"alertname":"Unsaid"}`, 48*s, 3600*s)
		p.until(80 * s)
		p.send(`{"alertname":"Fires"}`, -s, 3600*s)
		p.send(`{"alertname":"Roof"}`, -s, 3600*s)
		p.until(300 * s)

		first := message{"firing", 1, 2 * s, 4 * s}
		p.wants("Stays", "I11: it was told, and fires on", first)
		p.wants("Ends", "I11: its end was not told before", first, message{"resolved", 1, 63 * s, 73 * s})
		p.wants("Lapses", "its source has the minute it gave itself once more", first, message{"resolved", 1, 123 * s, 123*s + interval})
		p.wants("Fires", "I17: its source could not speak while all were down", first)
		p.wants("Roof", "I17: the same, and it inhibits", first)
		p.wants("Floor", "inhibition holds from the first flush")
		p.wants("Old", "I11: a new alert waits for a group interval since the last telling, and no longer",
			message{"firing", 1, 42 * s, 43 * s}, message{"firing", 2, 42*s + interval, 44*s + interval})
		p.wants("Unsaid", "nobody was told before, and its source has spoken again", message{"firing", 1, 70 * s, 74 * s})
	})
}

// TestStaleNode has one node come back with alerts that the others have long let
// go (I17). What it knows is no news to anybody.
func TestStaleNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const s = time.Second
		p := newPower(t, func(n *labNode) { n.opts.Settings.Alerts.GCInterval = time.Minute })
		stale := p.nodes[2:]
		p.send(`{"alertname":"Known"}`, -s, 60*s)
		p.send(`{"alertname":"Group","i":"1"}`, -s, 3600*s)
		p.until(9 * s)
		p.send(`{"alertname":"Blip"}`, 9*s, 69*s)
		p.send(`{"alertname":"Group","i":"2"}`, 9*s, 69*s)
		p.until(10 * s)
		p.off(stale)
		p.send(`{"alertname":"Blip"}`, 9*s, 10*s)
		p.send(`{"alertname":"Group","i":"2"}`, 9*s, 10*s)
		p.until(30 * s)
		p.send(`{"alertname":"Known"}`, -s, 30*s)
		p.until(80 * s)
		p.on(stale)
		p.until(175 * s)

		first := message{"firing", 1, 2 * s, 4 * s}
		p.wants("Known", "its end was told while the node was away", first, message{"resolved", 1, 30 * s, 64 * s})
		p.wants("Blip", "it came and went before anybody was told")
		p.wants("Group", "the same, beside an alert that fires on: its end was told", first, message{"firing", 2, 30 * s, 35 * s})
	})
}
