package acceptance_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", rig.Loopback()+":9094")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.Addr().String()
	for _, flag := range []string{"--web.listen-address", "--cluster.listen-address", "--raft.listen-address"} {
		t.Run(flag, func(t *testing.T) {
			if flag == "--raft.listen-address" {
				rig.SkipOracle(t, 0, flag)
			}
			n := rig.Launch(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{}), Flags: []string{flag + "=" + addr}})
			ends(t, n.Process)
			if !rig.Containing("address already in use", addr[strings.LastIndex(addr, ":"):])(n.Log.Text()) {
				t.Errorf("it does not say that %s is in use", addr)
			}
		})
	}
}

func TestBadFlags(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flag, says string
		unlike     bool
	}{
		"unknown flag":         {"--no.such.flag=1", "no.such.flag", false},
		"unknown feature":      {"--enable-feature=nosuch", "nosuch", true},
		"no duration":          {"--data.retention=long", "long", false},
		"retention of zero":    {"--data.retention=0s", "retention", true},
		"unknown level":        {"--log.level=loud", "loud", false},
		"unknown format":       {"--log.format=xml", "xml", false},
		"bad address":          {"--web.listen-address=nowhere", "nowhere", false},
		"bad web config":       {"--web.config.file=" + file + ".none", "none", true},
		"data under a file":    {"--storage.path=" + file + "/data", "", false},
		"data in a file":       {"--storage.path=" + file, "", true},
		"advertise without IP": {"--cluster.advertise-address=nohost:9094", "nohost", false},
		"no number of nodes":   {"--raft.bootstrap-expect=many", "many", true},
	} {
		t.Run(name, func(t *testing.T) {
			if c.unlike {
				rig.SkipOracle(t, 0, "refusing it")
			}
			n := rig.Launch(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{}), Flags: []string{c.flag}})
			ends(t, n.Process)
			if !rig.Containing(c.says)(n.Log.Text()) {
				t.Errorf("it does not mention %q", c.says)
			}
		})
	}
}

func TestEndsOnSignals(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{})})
			n.Signal(t, sig)
			if code, ok := n.Wait(5 * time.Second); !ok || code != 0 {
				t.Errorf("after %s: ended %v with exit code %d, want 0 within 5 s", name, ok, code)
			}
		})
	}
}

// TestDataFolderInUse starts a second server on the same data folder: it must
// give up soon and leave the first alone.
func TestDataFolderInUse(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "locking its data folder")
	n := rig.StartNode(t, rig.NodeOptions{Config: config(rig.NewSink(t, "hook"), routing{})})
	id := n.MustSilence(t, rig.Mute("a", "b", time.Hour))
	second := rig.Launch(t, rig.NodeOptions{Name: "second", Dir: n.Dir})
	ends(t, second.Process)
	if !rig.Containing(n.Dir)(second.Log.Text()) || !rig.Containing("another")(second.Log.Text()) {
		t.Error("the second does not say that another process uses the data folder")
	}
	if state, err := silenceState(n, id); state != "active" {
		t.Errorf("the first server's silence afterwards is %q (%v)", state, err)
	}
	n.MustSilence(t, rig.Mute("a", "c", time.Hour))
}
