package e2e_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// guideNode is a machine set up as a published guide to Alertmanager clusters
// says, with only the program replaced.
type guideNode struct {
	*rig.Process
	*rig.Client
	mail *exim
}

// TestGuide follows the guide: its configuration, its three units' command
// lines, its addresses, its load balancer, and then its checks.
func TestGuide(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "the guide's shorthand for mail")
	l := newLAN(t, "g", "203.0.113")
	var nodes []*guideNode
	for i := 1; i <= 3; i++ {
		nodes = append(nodes, startGuideNode(t, l, i))
		guidePeers(t, nodes, i)
	}
	lb := startHAProxy(t, l.host("lb", 20), guideFile(t, "haproxy.cfg"), "http://"+l.addr(20)+":9093")
	if r := lb.Do(http.MethodHead, "/-/healthy", "", nil); r.Code != http.StatusOK {
		t.Errorf("HEAD /-/healthy through the load balancer: %v", r)
	}
	guideStats(t, l)

	body, err := os.ReadFile(guideFile(t, "alert.json"))
	if err != nil {
		t.Fatal(err)
	}
	posted := time.Now()
	if r := lb.Do(http.MethodPost, "/api/v1/alerts", string(body), nil); r.Code != http.StatusOK {
		t.Fatalf("POST /api/v1/alerts through the load balancer: %v", r)
	}
	guideAlert(t, nodes)
	guideMail(t, nodes, posted)
}

// guideAlert looks for the alert that was posted through the load balancer.
func guideAlert(t *testing.T, nodes []*guideNode) {
	t.Helper()
	found := 0
	for _, n := range nodes {
		list, err := n.Alerts()
		if err == nil && len(list) == 1 && list[0].Labels["alertname"] == "TestAlert" && list[0].Receivers[0].Name == "warning-alerts" {
			found++
		}
	}
	// All of them have it once alerts are exchanged; until then one has.
	if found == 0 {
		t.Error("no node lists the alert for its receiver")
	}
}

// guideFile is the path of a file of the guide.
func guideFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "guide", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startGuideNode sets up node i: its mail server on localhost:587, its files in
// /etc and /var/lib (of this node alone: overlays in a mount namespace), and the
// server with exactly the guide's flags.
func startGuideNode(t *testing.T, l *lan, i int) *guideNode {
	t.Helper()
	host := l.host(fmt.Sprint("n", i), 9+i)
	n := &guideNode{mail: startExim(t, eximOptions{Addr: "127.0.0.1", Host: "localhost", Port: 587, Wrap: host})}
	text, err := os.ReadFile(guideFile(t, fmt.Sprintf("node%d.flags", i)))
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "--") {
			flags = append(flags, strings.TrimSpace(line))
		}
	}
	setup := `mount -t tmpfs tmpfs "$0"
for d in etc var/lib; do
	mkdir -p "$0/$d/up" "$0/$d/work"
	mount -t overlay overlay -o "lowerdir=/$d,upperdir=$0/$d/up,workdir=$0/$d/work" "/$d"
	mkdir -p "/$d/alertmanager"
done
cp "$1" /etc/alertmanager/alertmanager.yml
cd /var/lib/alertmanager
shift
exec "$@"`
	wrap := append(slices.Clone(host), "sh", "-ec", setup, t.TempDir(), guideFile(t, "alertmanager.yml"))
	n.Process = rig.Start(t, rig.Spec{
		Name: fmt.Sprint("node", i),
		Argv: slices.Concat(wrap, rig.Tested(t).Argv, flags),
		Env:  []string{"SSL_CERT_FILE=" + n.mail.CA},
	})
	n.Client = rig.NewClient("http://" + l.addr(9+i) + ":9093")
	if !rig.Eventually(10*time.Second, 50*time.Millisecond, func() bool { return n.Get("/-/ready").Code == 200 }) {
		t.Fatalf("node %d is not ready within 10 s", i)
	}
	t.Cleanup(func() {
		if n.Running() {
			n.Terminate(t, 30*time.Second) // TimeoutStopSec of the units
		}
	})
	return n
}

// guidePeers does the guide's look at the status of each node: ready, with want
// peers.
func guidePeers(t *testing.T, nodes []*guideNode, want int) {
	t.Helper()
	var last string
	ok := rig.Eventually(20*time.Second, 100*time.Millisecond, func() bool {
		for _, n := range nodes {
			var got struct {
				Status string
				Data   struct {
					Cluster struct {
						Status string
						Peers  []rig.Peer
					}
				}
			}
			r := n.Get("/api/v1/status")
			last = n.Name + ": " + r.String()
			if r.Code != 200 || json.Unmarshal([]byte(r.Body), &got) != nil || got.Data.Cluster.Status != "ready" || len(got.Data.Cluster.Peers) != want {
				return false
			}
			for _, p := range got.Data.Cluster.Peers {
				if !strings.HasPrefix(p.Address, "203.0.113.") || !strings.HasSuffix(p.Address, ":9094") {
					t.Fatalf("%s lists a peer at %s, want the advertised addresses", n.Name, p.Address)
				}
			}
		}
		return true
	})
	if !ok {
		t.Fatalf("not all nodes are ready with %d peers after 20 s; last: %s", want, last)
	}
}

// guideStats looks at the load balancer's statistics: all three servers are up.
func guideStats(t *testing.T, l *lan) {
	t.Helper()
	r := rig.NewClient("http://" + l.addr(20) + ":8404").Get("/stats;csv")
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(r.Body, "# "))).ReadAll()
	if err != nil {
		t.Fatalf("GET /stats: %v: %v", r, err)
	}
	status, up := slices.Index(rows[0], "status"), 0
	for _, row := range rows[1:] {
		if strings.HasPrefix(row[1], "alertmanager") && strings.HasPrefix(row[status], "UP") {
			up++
		}
	}
	if up != 3 {
		t.Errorf("the load balancer sees %d servers up, want 3", up)
	}
}

// guideMail waits for the guide's alert to be mailed: once, after its group
// wait, from any of the nodes.
func guideMail(t *testing.T, nodes []*guideNode, posted time.Time) {
	t.Helper()
	letters := func() []letter {
		var all []letter
		for _, n := range nodes {
			all = append(all, n.mail.letters()...)
		}
		return all
	}
	if !rig.Eventually(40*time.Second, 100*time.Millisecond, func() bool { return len(letters()) > 0 }) {
		t.Fatal("no mail within 40 s")
	}
	if took := time.Since(posted); took < 30*time.Second || took > 33*time.Second {
		t.Errorf("the mail came %v after the alert, want the group wait of 30 s", took)
	}
	time.Sleep(33 * time.Second) // behind the turns of the second and third node
	all := letters()
	if len(all) != 1 {
		t.Fatalf("%d mails, want one", len(all))
	}
	m := all[0]
	if m.Subject != "WARNING: TestAlert" || m.To != "warnings@example.com" || m.From != "alertmanager@example.com" || m.ID == "" {
		t.Errorf("the mail is %q from %q to %q with the ID %q", m.Subject, m.From, m.To, m.ID)
	}
	for _, want := range []string{
		"Alert: Test alert for cluster verification", "Severity: warning", "Instance: test-server",
		"Description: This is a test alert to verify cluster functionality",
	} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, m.Text)
		}
	}
}
