package acceptance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// saved is what `snapshot save -o json` says.
type saved struct {
	Manifest struct {
		Cluster   string            `json:"cluster_id"`
		Index     uint64            `json:"index"`
		StateHash string            `json:"state_hash"`
		Counts    map[string]uint64 `json:"counts"`
	} `json:"manifest"`
}

// nodeState is the part of GET /status that is compared.
type nodeState struct {
	Node struct {
		Applied   uint64 `json:"applied_index"`
		StateHash string `json:"state_hash"`
	} `json:"node"`
	Cluster struct {
		ID string `json:"id"`
	} `json:"cluster"`
}

func stateOf(t *testing.T, n *rig.Node) (s nodeState) {
	t.Helper()
	got := n.Do(http.MethodGet, adminAPI+"/status", "", nil)
	if err := json.Unmarshal([]byte(got.Body), &s); err != nil {
		t.Fatalf("status of %s: %v", n.Name, got)
	}
	return s
}

func snapshot(t *testing.T, args ...string) (out saved) {
	t.Helper()
	argv := rig.Tested(t).Tool(append([]string{"snapshot", "-o", "json"}, args...)...)
	b, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, b)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%v: %v\n%s", argv, err, b)
	}
	return out
}

// writers make silences, a thousand a second where the machine lets them.
type writers struct {
	acked atomic.Int64
	stop  chan struct{}
	wg    sync.WaitGroup
}

func startWriters(nodes []*rig.Node) *writers {
	const many, each = 50, 50 * time.Millisecond // 1,000 a second
	w := &writers{stop: make(chan struct{})}
	for i := range many {
		w.wg.Go(func() {
			tick := time.NewTicker(each)
			defer tick.Stop()
			for k := 0; ; k++ {
				select {
				case <-w.stop:
					return
				case <-tick.C:
				}
				if _, r := nodes[i%len(nodes)].PutSilence(rig.Mute("alertname", fmt.Sprintf("w%d-%d", i, k), time.Hour)); r.Code == http.StatusOK {
					w.acked.Add(1)
				}
			}
		})
	}
	return w
}

func (w *writers) end() { close(w.stop); w.wg.Wait() }

// TestBackupUnderLoadFoundsTheSameState saves backups of a cluster while it takes
// writes, which go on meanwhile, and founds new clusters from them: each has the
// state that the backup says, and everything that was acknowledged before.
func TestBackupUnderLoadFoundsTheSameState(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "backing up")
	hook := rig.NewSink(t, "hook")
	old := rig.StartCluster(t, 3, rig.NodeOptions{Config: config(hook, routing{})})
	dir := t.TempDir()
	old.Post(t, rig.A("alertname", "told").API(time.Now()))
	if !hook.Await(1, 10*time.Second) {
		t.Fatal("the alert was not told")
	}
	w := startWriters(old.Nodes)
	began := time.Now()
	time.Sleep(3 * time.Second)
	var files []saved
	for i := range 3 {
		before := w.acked.Load()
		file := filepath.Join(dir, fmt.Sprint("backup", i))
		s := snapshot(t, "save", file, "--address", old.Nodes[i].Base)
		time.Sleep(time.Second)
		if got := w.acked.Load(); got == before {
			t.Errorf("no write was acknowledged during backup %d and the second after", i)
		}
		if s.Manifest.Counts["silences"] < uint64(before) {
			t.Errorf("backup %d has %d silences, but %d were acknowledged before it", i, s.Manifest.Counts["silences"], before)
		}
		files = append(files, s)
	}
	w.end()
	t.Logf("%.0f writes a second", float64(w.acked.Load())/time.Since(began).Seconds())

	// At rest: the backup is the state of every node. That it was taken away is in
	// the audit, before it is made.
	last := snapshot(t, "save", filepath.Join(dir, "backup3"), "--address", old.Nodes[1].Base)
	var at nodeState
	ok := rig.Eventually(20*time.Second, 100*time.Millisecond, func() bool {
		at = stateOf(t, old.Nodes[0])
		return at.Node.Applied >= last.Manifest.Index && stateOf(t, old.Nodes[1]) == at && stateOf(t, old.Nodes[2]) == at
	})
	if m := last.Manifest; !ok || m.Index != at.Node.Applied || m.StateHash != at.Node.StateHash || m.Cluster != at.Cluster.ID {
		t.Errorf("the backup at rest is %+v, the nodes are %+v", m, at)
	}
	early := rig.Tested(t).Tool("snapshot", "restore", filepath.Join(dir, "backup3"), "--storage.path", filepath.Join(dir, "early"))
	if out, err := exec.CommandContext(t.Context(), early[0], early[1:]...).CombinedOutput(); err == nil || !strings.Contains(string(out), "the cluster has a quorum") {
		t.Errorf("a second cluster beside the one that lives: %v\n%s", err, out)
	}
	old.Terminate(t)
	for i, s := range append(files, last) {
		found := filepath.Join(dir, fmt.Sprint("found", i))
		argv := rig.Tested(t).Tool("snapshot", "restore", filepath.Join(dir, fmt.Sprint("backup", i)), "--storage.path", found)
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
		want := fmt.Sprintf("index %d, hash %s", s.Manifest.Index, s.Manifest.StateHash)
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("found a cluster: %v\n%s\nwant %s", err, out, want)
		}
	}
	goesOn(t, filepath.Join(dir, "found3"), hook, last, w.acked.Load())
}

// goesOn starts the first node of a cluster that was founded from a backup, lets
// two empty ones join, and compares.
func goesOn(t *testing.T, dir string, hook *rig.Sink, s saved, silences int64) {
	t.Helper()
	cfg := config(hook, routing{})
	first := rig.StartNode(t, rig.NodeOptions{Name: "first", Dir: dir, Config: cfg})
	nodes := []*rig.Node{first}
	for i := range 2 {
		nodes = append(nodes, rig.StartNode(t, rig.NodeOptions{Name: fmt.Sprint("joined", i), Config: cfg, Flags: []string{"--cluster.peer=" + first.Peer}}))
	}
	var at nodeState
	ok := rig.Eventually(30*time.Second, 100*time.Millisecond, func() bool {
		at = stateOf(t, nodes[0])
		return stateOf(t, nodes[1]) == at && stateOf(t, nodes[2]) == at
	})
	if !ok || at.Cluster.ID != s.Manifest.Cluster || at.Node.Applied <= s.Manifest.Index {
		t.Errorf("the nodes of the new cluster are not alike, or not of the old cluster: %+v", at)
	}
	got := snapshot(t, "save", filepath.Join(t.TempDir(), "again"), "--address", nodes[2].Base).Manifest.Counts
	if got["silences"] != s.Manifest.Counts["silences"] || got["silences"] < uint64(silences) || got["history"] != s.Manifest.Counts["history"] || got["entries"] != s.Manifest.Counts["entries"] {
		t.Errorf("the new cluster has %v, the backup %v, and %d silences were acknowledged", got, s.Manifest.Counts, silences)
	}
}
