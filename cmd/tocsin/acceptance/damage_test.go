package acceptance_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// noDamage is what no Alertmanager does.
const noDamage = "recovering from damaged files by itself"

// damage is a way to spoil a file.
type damage struct {
	name  string
	spoil func(data []byte) []byte
}

var damages = []damage{
	{"cut in half", func(data []byte) []byte {
		used := bytes.TrimRight(data, "\x00") // the files are longer than what is in them
		return data[:len(used)/2]
	}},
	{"empty", func([]byte) []byte { return nil }},
	{"garbage", func(data []byte) []byte { return bytes.Repeat([]byte("tocsin?!"), len(data)/8) }},
}

// files are the files of a data folder that damage is done to: glob patterns.
var files = map[string]string{
	"state.db": "state.db",
	"local.db": "local.db",
	"raft log": "raft/*.db",
}

// hit spoils the one file of a stopped node that a pattern names, and gives its
// path.
func hit(t *testing.T, n *rig.Node, pattern string, d damage) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(n.Dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("files %s in the data folder: %q %v, want one", pattern, found, err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(found[0], d.spoil(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return found[0]
}

var asideName = regexp.MustCompile(`\bset_aside\w*="?([^\s"]+)`)

// setAside checks that what was damaged was kept under another name, which the
// log tells.
func setAside(t *testing.T, n *rig.Node, path string) {
	t.Helper()
	line, said := n.Log.Wait(0, rig.Containing("damaged", "aside"))
	m := asideName.FindStringSubmatch(line)
	if !said || m == nil {
		t.Errorf("the log does not say that the damaged %s was set aside, and where", filepath.Base(path))
		return
	}
	kept := m[1]
	if info, err := os.Stat(kept); err != nil {
		t.Errorf("what was set aside is not there: %v", err)
	} else if info.IsDir() {
		kept = filepath.Join(kept, filepath.Base(path))
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the damaged file was not kept: %v", err)
	}
}

// TestDamageAlone damages each file of a single node. What the others still
// know must come back, and it must page.
func TestDamageAlone(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, noDamage)
	for what, pattern := range files {
		for _, d := range damages {
			t.Run(what+" "+d.name, func(t *testing.T) {
				t.Parallel()
				damageAlone(t, pattern, d)
			})
		}
	}
}

func damageAlone(t *testing.T, pattern string, d damage) {
	hook := rig.NewSink(t, "hook")
	n := rig.StartNode(t, rig.NodeOptions{Config: config(hook, routing{wait: "100ms"})})
	id := n.MustSilence(t, rig.Mute("alertname", "muted", time.Hour))
	old := rig.A("alertname", "old").API(time.Now())
	n.PostAlerts(old, rig.A("alertname", "muted").API(time.Now()))
	if !hook.Await(1, 3*time.Second) {
		t.Fatal("no notification before the damage")
	}
	n.Terminate(t, 10*time.Second)
	path := hit(t, n, pattern, d)
	n.Restart(t)
	if d.name != "empty" { // an empty file is as good as none: nothing to keep
		setAside(t, n, path)
	}

	// Silence and ledger survive the loss of any one file: state.db and the
	// Raft log can each be had from the other, local.db holds neither.
	var state string
	var err error
	back := rig.Eventually(5*time.Second, 50*time.Millisecond, func() bool {
		state, err = silenceState(n, id)
		return state == "active"
	})
	if !back {
		t.Errorf("the silence afterwards is %q (%v), want it active", state, err)
	}
	n.MustSilence(t, rig.Mute("a", "b", time.Hour))
	n.PostAlerts(old, rig.A("alertname", "muted").API(time.Now()), rig.A("alertname", "new").API(time.Now()))
	if !hook.Await(2, 5*time.Second) {
		t.Fatal("no notification after the damage")
	}
	time.Sleep(2 * time.Second)
	var told []string
	for _, a := range hook.Accepted() {
		told = append(told, a.Message.GroupLabels["alertname"])
	}
	if fmt.Sprint(told) != "[old new]" {
		t.Errorf("the receiver was told of %v, want old once and then new once", told)
	}
}

// TestDamageInACluster damages each file of one node of three: it recovers from
// its peers and is a full member again.
func TestDamageInACluster(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, noDamage)
	for what, pattern := range files {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			damageInACluster(t, pattern)
		})
	}
}

func damageInACluster(t *testing.T, pattern string) {
	hook := rig.NewSink(t, "hook")
	c := rig.StartCluster(t, 3, rig.NodeOptions{Config: config(hook, routing{wait: "100ms"})})
	id := c.Nodes[0].MustSilence(t, rig.Mute("alertname", "muted", time.Hour))
	old := rig.A("alertname", "old").API(time.Now())
	c.Post(t, old)
	if !hook.Await(1, 5*time.Second) {
		t.Fatal("no notification before the damage")
	}
	victim := c.Nodes[2]
	victim.Terminate(t, 10*time.Second)
	path := hit(t, victim, pattern, damages[0])
	// While it is away the others go on.
	late := c.Nodes[1].MustSilence(t, rig.Mute("alertname", "late", time.Hour))
	victim.Restart(t)
	setAside(t, victim, path)
	c.AwaitMembers(t, 3, 15*time.Second)

	for _, want := range []string{id, late} {
		ok := rig.Eventually(10*time.Second, 100*time.Millisecond, func() bool {
			state, _ := silenceState(victim, want)
			return state == "active"
		})
		if !ok {
			t.Errorf("the damaged node does not show the silence %s after 10 s", want)
		}
	}
	if r := victim.PostAlerts(rig.A("alertname", "new").API(time.Now())); r.Code != 200 {
		t.Errorf("POST alerts to the damaged node: %v", r)
	}
	if !hook.Await(2, 5*time.Second) {
		t.Error("no notification of what was posted to the damaged node")
	}
	c.AwaitAgreement(t, 5*time.Second)
	voters(t, c, victim)
	if n := len(hook.Accepted()); n != 2 {
		t.Errorf("%d notifications in all, want 2", n)
	}
}

// TestFounderLosesEverything damages both the state and the Raft log of the node
// that founded the cluster and was started without peers. It must not found
// another one, but find its way back.
func TestFounderLosesEverything(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, noDamage)
	hook := rig.NewSink(t, "hook")
	c := rig.StartFixed(t, 3, rig.NodeOptions{Config: config(hook, routing{wait: "100ms"})})
	id := c.Nodes[1].MustSilence(t, rig.Mute("alertname", "muted", time.Hour))
	founder := c.Nodes[0]
	founder.Terminate(t, 10*time.Second)
	for _, what := range []string{"state.db", "raft log"} {
		hit(t, founder, files[what], damages[2])
	}
	founder.Relaunch(t)
	founder.AwaitServing(t)
	back := rig.Eventually(30*time.Second, 200*time.Millisecond, func() bool {
		state, _ := silenceState(founder, id)
		return state == "active"
	})
	if !back {
		t.Error("the founder does not show the cluster's silence after 30 s")
	}
	if strings.Contains(founder.Log.Text(), "a new cluster is founded") || strings.Contains(founder.Log.Text(), "forming a new cluster") {
		t.Error("the founder formed a second cluster")
	}
	c.AwaitMembers(t, 3, 15*time.Second)
	c.AwaitAgreement(t, 5*time.Second)
	own := founder.MustSilence(t, rig.Mute("a", "b", time.Hour))
	if !rig.Eventually(3*time.Second, 50*time.Millisecond, func() bool { state, _ := silenceState(c.Nodes[2], own); return state == "active" }) {
		t.Error("what is written on the founder is not on the others: there are two clusters")
	}
	c.Post(t, rig.A("alertname", "new").API(time.Now()))
	time.Sleep(4 * time.Second)
	if n := len(hook.Accepted()); n != 1 {
		t.Errorf("%d notifications of one alert, want 1", n)
	}
}

// voters checks that the cluster of three can lose another node than the
// recovered one, which it can only if that one votes again.
func voters(t *testing.T, c *rig.Cluster, recovered *rig.Node) {
	t.Helper()
	c.AwaitVoters(t, 3, 5*time.Second)
	c.Nodes[1].Kill()
	ok := rig.Eventually(15*time.Second, 200*time.Millisecond, func() bool {
		id, _ := recovered.PutSilence(rig.Mute("a", "b", time.Hour))
		return id != ""
	})
	if !ok {
		t.Error("with another node killed, the recovered one takes no writes for 15 s: it does not count as a voter")
	}
}

// TestForeignDataFolder starts the data folder of one cluster as a member of
// another: it must be refused by name, and neither may change.
func TestForeignDataFolder(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "knowing its cluster")
	cfg := config(rig.NewSink(t, "hook"), routing{})
	home := rig.StartNode(t, rig.NodeOptions{Name: "home", Config: cfg})
	stranger := rig.StartNode(t, rig.NodeOptions{Name: "stranger", Config: cfg})
	mine := home.MustSilence(t, rig.Mute("a", "home", time.Hour))
	theirs := stranger.MustSilence(t, rig.Mute("a", "stranger", time.Hour))
	stranger.Terminate(t, 10*time.Second)
	stranger.Relaunch(t, "--cluster.peer="+home.Peer)

	if _, said := stranger.Log.Wait(10*time.Second, rig.Containing("cluster", "another")); !said {
		t.Error("the stranger does not say that the peer belongs to another cluster")
	}
	if code, ended := stranger.Wait(2 * time.Second); ended && code != 1 {
		t.Errorf("the stranger ended with exit code %d", code)
	}
	st, err := home.Status()
	if err != nil || len(st.Cluster.Peers) != 1 {
		t.Errorf("the cluster lists %v (%v), want itself only", st.Cluster.Peers, err)
	}
	if _, err := home.Silence(theirs); err == nil {
		t.Error("a silence of the stranger came into the cluster")
	}
	if stranger.Running() {
		stranger.AwaitServing(t)
		if _, err := stranger.Silence(mine); err == nil {
			t.Error("a silence of the cluster came to the stranger")
		}
	}
	home.MustSilence(t, rig.Mute("a", "still", time.Hour))
}

// TestDataOfANewerVersion raises the number of the layout in a file: the server
// must leave such a file alone and say what it is.
func TestDataOfANewerVersion(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "versions of its files")
	for _, name := range []string{"state.db", "local.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{})})
			n.Terminate(t, 10*time.Second)
			// The number stands behind its name, four bytes, in the file.
			written := []byte("schema\x00\x00\x00")
			var newer []byte
			path := hit(t, n, name, damage{"newer", func(data []byte) []byte {
				if !bytes.Contains(data, written) {
					t.Fatalf("%s does not hold the version of its layout where it did", name)
				}
				for at := bytes.Index(data, written); at >= 0; {
					data[at+len(written)] = 99
					next := bytes.Index(data[at+1:], written)
					if next < 0 {
						break
					}
					at += 1 + next
				}
				newer = data
				return data
			}})
			n.Relaunch(t)
			ends(t, n.Process)
			if !rig.Containing(name, "newer version")(n.Log.Text()) {
				t.Errorf("it does not say that %s is of a newer version", name)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, newer) {
				t.Errorf("%s was changed (%v)", name, err)
			}
		})
	}
}
