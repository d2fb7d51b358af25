package acceptance_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// smallDisk starts a node whose data folder is a disk of its own of a few
// megabytes, in a mount namespace that ends with the node. The second result is
// the folder as seen from here.
func smallDisk(t *testing.T, cfg string) (*rig.Node, string) {
	t.Helper()
	rig.NeedRoot(t)
	unshare := rig.NeedTool(t, "unshare")
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	n := rig.StartNode(t, rig.NodeOptions{
		Dir: dir, Config: cfg, Flags: []string{"--storage.path=" + data},
		Wrap: []string{unshare, "--mount", "sh", "-ec", `mkdir "$0"; mount -t tmpfs -o size=16m,mode=700 tmpfs "$0"; exec "$@"`, data},
	})
	return n, filepath.Join(fmt.Sprintf("/proc/%d/root", n.PID()), data)
}

// fill writes to a disk until it has no byte left, and gives the file that
// takes the space.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const limit = 64 << 20 // more than the disk has: a mistake must not fill the machine
	total := 0
	for size := 1 << 20; size >= 512; {
		k, err := f.Write(make([]byte, size))
		total += k
		switch {
		case errors.Is(err, syscall.ENOSPC):
			size /= 2
		case err != nil:
			t.Fatal(err)
		case total > limit:
			_ = os.Remove(path)
			t.Fatalf("wrote %d bytes to what should be a small disk", total)
		}
	}
	return path
}

// TestFullDisk fills the disk under a running node. It must go on paging, say
// that it is degraded, refuse writes, and recover by itself when there is space
// again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "saying that the disk is full")
	hook := rig.NewSink(t, "hook")
	n, disk := smallDisk(t, config(hook, routing{wait: "100ms"}))
	before := n.MustSilence(t, rig.Mute("alertname", "muted", time.Hour))
	page := func(name string, limit time.Duration) {
		t.Helper()
		told := len(hook.Accepted())
		if r := n.PostAlerts(rig.A("alertname", name).API(time.Now())); r.Code != 200 {
			t.Errorf("POST alert %q: %v", name, r)
		}
		if !hook.Await(told+1, limit) {
			t.Errorf("no notification of %q within %v", name, limit)
		} else if got := hook.Accepted()[told].Message.GroupLabels["alertname"]; got != name {
			t.Errorf("the receiver was told of %q, want %q", got, name)
		}
	}
	page("before", 3*time.Second)
	filler := fill(t, disk)

	refused := rig.Reply{}
	full := rig.Eventually(20*time.Second, 5*time.Millisecond, func() bool {
		_, refused = n.PutSilence(rig.Mute("a", "b", time.Hour))
		return refused.Code != 200
	})
	if !full || refused.Code != 503 {
		t.Errorf("a write while the disk is full: %v, want 503", refused)
	}
	if v, ok := n.Metric("tocsin_degraded"); !ok || v != 1 {
		t.Errorf("the metric tocsin_degraded is %v (%v), want 1", v, ok)
	}
	if _, said := n.Log.Wait(time.Second, rig.Containing("disk")); !said {
		t.Error("the log does not mention the disk")
	}
	page("while full", 15*time.Second)
	page("still full", 15*time.Second)
	if state, err := silenceState(n, before); state != "active" {
		t.Errorf("the silence from before is %q (%v), want it readable and active", state, err)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	healed := rig.Eventually(60*time.Second, 200*time.Millisecond, func() bool {
		id, _ := n.PutSilence(rig.Mute("a", "c", time.Hour))
		return id != ""
	})
	if !healed || !n.Running() {
		t.Fatalf("60 s after there is space again writes are still refused (running: %v)", n.Running())
	}
	page("after", 5*time.Second)
	if v, ok := n.Metric("tocsin_degraded"); !ok || v != 0 {
		t.Errorf("the metric tocsin_degraded is %v (%v) afterwards, want 0", v, ok)
	}
	told := map[string]int{}
	for _, a := range hook.Accepted() {
		told[a.Message.GroupLabels["alertname"]]++
	}
	for _, name := range []string{"before", "while full", "still full", "after"} {
		if told[name] != 1 {
			t.Errorf("%q was told %d times, want once", name, told[name])
		}
	}
}
