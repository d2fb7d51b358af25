package rig

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit is how long a node may take until it listens, and again until its
// status names its peers.
const startLimit = 10 * time.Second

// Node is one server process with its API.
type Node struct {
	*Process
	*Client
	// Dir is its data folder; its configuration is config.yml in it.
	Dir string
	// Peer is the address that others may give as --cluster.peer; empty
	// without clustering.
	Peer string

	opts   NodeOptions
	oracle bool
}

// NodeOptions say how a node is started.
type NodeOptions struct {
	// Name is for messages and logs; default "node".
	Name string
	// Config is the text of the configuration; empty keeps the file that is
	// there.
	Config string
	// Dir is the data folder; default a new temporary one.
	Dir string
	// Flags are added, in the form --name=value; they take the place of the
	// rig's own of the same name, and "--name" alone removes that.
	Flags []string
	// Wrap stands before the command: ip netns exec NS, unshare …
	Wrap []string
	// Env is added to the environment.
	Env []string
	// Prefix is the path at which the API is served, such as /foo.
	Prefix string
	// Hasty does not wait until the node is ready and has its configuration.
	Hasty bool
	// Program is the path of an Alertmanager to start in place of the server
	// under test.
	Program string
	// Host replaces the host that the node says it listens on, where that is
	// not one to dial.
	Host string
}

var listening = regexp.MustCompile(`Listening on.*\baddress="?([^\s"]+)`)

// Launch starts a node without waiting until it serves.
func Launch(t testing.TB, o NodeOptions) *Node {
	t.Helper()
	if o.Name == "" {
		o.Name = "node"
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	n := &Node{Dir: o.Dir, opts: o}
	if o.Config != "" {
		n.WriteConfig(t, o.Config)
	}
	prog := Tested(t)
	if o.Program != "" {
		var err error
		if prog, err = identify([]string{o.Program}); err != nil {
			t.Fatalf("start %s: %v", o.Name, err)
		}
	}
	n.oracle = prog.Oracle
	argv := slices.Concat(o.Wrap, prog.Argv, nodeFlags(prog, o))
	n.Process = Start(t, Spec{Name: o.Name, Argv: argv, Env: o.Env, Dir: o.Dir})
	return n
}

// StartNode starts a node and waits until its API answers and names its peers.
// If the node still runs at the end of the test it must then end well on
// SIGTERM.
func StartNode(t testing.TB, o NodeOptions) *Node {
	t.Helper()
	n := Launch(t, o)
	n.AwaitServing(t)
	t.Cleanup(func() {
		if n.Running() {
			n.Terminate(t, stopLimit)
		}
	})
	return n
}

// AwaitServing waits until a launched node serves, and learns its addresses as a
// stranger would: from its log and its status.
func (n *Node) AwaitServing(t testing.TB) {
	t.Helper()
	var addr string
	_, ok := n.Log.Wait(startLimit, func(line string) bool {
		m := listening.FindStringSubmatch(line)
		if m != nil {
			addr = m[1]
		}
		return m != nil
	})
	if !ok {
		t.Fatalf("%s did not say where it listens within %v", n.Name, startLimit)
	}
	if n.opts.Host != "" {
		addr = n.opts.Host + addr[strings.LastIndex(addr, ":"):]
	}
	n.Client = NewClient("http://" + addr + n.opts.Prefix)
	n.awaitPeers(t)
	if n.oracle {
		time.Sleep(200 * time.Millisecond) // it listens before it handles signals
	}
	if n.opts.Hasty {
		return
	}
	configured := Eventually(startLimit, 20*time.Millisecond, func() bool {
		st, err := n.Status()
		return err == nil && st.Config.Original != "" && n.Get("/-/ready").Code == 200
	})
	if !configured {
		t.Fatalf("%s is not ready with a configuration within %v", n.Name, startLimit)
	}
}

func (n *Node) awaitPeers(t testing.TB) {
	t.Helper()
	var st Status
	ok := Eventually(startLimit, 50*time.Millisecond, func() bool {
		var err error
		st, err = n.Status()
		return err == nil && (st.Cluster.Status == "disabled" || len(st.Cluster.Peers) > 0)
	})
	switch {
	case !ok:
		t.Fatalf("status of %s names no peers within %v (got %+v)", n.Name, startLimit, st)
	case len(st.Cluster.Peers) == 1:
		n.Peer = st.Cluster.Peers[0].Address
	}
	for _, p := range st.Cluster.Peers {
		if p.Name == st.Cluster.Name {
			n.Peer = p.Address
		}
	}
}

// nodeFlags is the command line, the rig's own flags first. They are the ones
// that Alertmanager's own acceptance tests use, in the same form.
func nodeFlags(p Program, o NodeOptions) []string {
	own := [][2]string{
		{"--config.file", filepath.Join(o.Dir, "config.yml")},
		{"--log.level", "debug"},
		{"--web.listen-address", "127.0.0.1:0"},
		{"--storage.path", o.Dir},
		{"--cluster.listen-address", "127.0.0.1:0"},
		{"--cluster.settle-timeout", "0s"},
	}
	var argv []string
	for _, f := range own {
		if !slices.ContainsFunc(o.Flags, func(s string) bool { return s == f[0] || strings.HasPrefix(s, f[0]+"=") }) {
			argv = append(argv, f[0], f[1])
		}
	}
	for _, f := range o.Flags {
		switch {
		case !strings.Contains(f, "=") && slices.ContainsFunc(own, func(d [2]string) bool { return d[0] == f }):
		case p.Older(27) && f == ClassicMode: // it knows no other mode
		default:
			argv = append(argv, f)
		}
	}
	return argv
}

// ClassicMode is the flag for names of the old alphabet only.
const ClassicMode = "--enable-feature=classic-mode"

// WriteConfig replaces the configuration file.
func (n *Node) WriteConfig(t testing.TB, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(n.Dir, "config.yml"), []byte(text), 0o644); err != nil {
		t.Fatalf("write the configuration of %s: %v", n.opts.Name, err)
	}
}

// Reload tells the node to read its configuration again, and returns when it has
// done so: its counter of successful loads has changed, or it says that the last
// one failed.
func (n *Node) Reload(t testing.TB) (loaded bool) {
	t.Helper()
	const stamp = "alertmanager_config_last_reload_success_timestamp_seconds"
	mark := n.Log.Mark()
	before, _ := n.Metric(stamp)
	n.Signal(t, syscall.SIGHUP)
	done := Eventually(10*time.Second, 20*time.Millisecond, func() bool {
		good, ok := n.Metric("alertmanager_config_last_reload_successful")
		if ok && good == 0 {
			return true
		}
		after, _ := n.Metric(stamp)
		_, said := n.Log.WaitAfter(mark, 0, Containing("Completed loading of configuration file"))
		loaded = after != before || said
		return loaded
	})
	if !done {
		t.Errorf("%s shows no sign of a reload 10 s after SIGHUP", n.Name)
	}
	return loaded
}

// HTTPReload asks for a reload through the API.
func (n *Node) HTTPReload() Reply { return n.Do(http.MethodPost, "/-/reload", "", nil) }

// Restart starts the node again after its end, on the same data folder and with
// the same flags and more.
func (n *Node) Restart(t testing.TB, more ...string) {
	t.Helper()
	n.Relaunch(t, more...)
	n.AwaitServing(t)
}

// Relaunch is Restart without waiting until it serves.
func (n *Node) Relaunch(t testing.TB, more ...string) {
	t.Helper()
	if n.Running() {
		t.Fatalf("start %s again: it still runs", n.Name)
	}
	o := n.opts
	o.Config = ""
	o.Flags = slices.Concat(o.Flags, more)
	o.Name = fmt.Sprintf("%s+", o.Name)
	again := Launch(t, o)
	n.Process, n.opts = again.Process, again.opts
}

// Eventually asks check every so often until it is true, for limit at most.
func Eventually(limit, every time.Duration, check func() bool) bool {
	deadline := time.Now().Add(limit)
	for {
		if check() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(every)
	}
}
