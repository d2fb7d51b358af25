package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/doctor"
)

// clinic is three nodes on three hosts of a network, and what doctor says there.
type clinic struct {
	*lan
	t     testing.TB
	hook  *rig.Sink
	nodes []*rig.Node
	ns    map[string][]string
	// hasty: a node need not become a member.
	hasty bool
}

// inHost is where a node's API is for those on its machine.
const inHost = "http://127.0.0.1:9093"

func newClinic(t testing.TB, name, prefix string) *clinic {
	t.Helper()
	c := &clinic{lan: newLAN(t, name, prefix), t: t, ns: map[string][]string{}}
	c.hook = rig.NewSinkAt(t, "hook", c.addr(1)+":0")
	for i, wrap := range [][]string{nil, {"sh", "-c", `ulimit -n 1000; exec "$0" "$@"`}, nil} {
		c.start(fmt.Sprintf("n%d", i+1), 11+i, wrap)
	}
	(&rig.Cluster{Nodes: c.nodes}).AwaitVoters(t, 3, 20*time.Second)
	return c
}

func (c *clinic) start(name string, last int, wrap []string, flags ...string) *rig.Node {
	c.t.Helper()
	c.ns[name] = c.host(name, last)
	o := rig.NodeOptions{
		Hasty: c.hasty, Name: name, Wrap: append(slices.Clone(c.ns[name]), wrap...), Dir: c.folder(name), Host: c.addr(last),
		Config: "route: { receiver: hook, group_wait: 0s }\nreceivers: [{ name: hook, webhook_configs: [{ url: '" + c.hook.URL + "' }] }]\n",
		Flags: append([]string{
			"--web.listen-address=" + "0.0.0.0:9093", "--cluster.listen-address=" + c.addr(last) + ":9094", "--cluster.peer-name=" + name,
		}, flags...),
	}
	if len(c.nodes) > 0 {
		o.Flags = append(o.Flags, "--cluster.peer="+c.addr(11)+":9094")
	}
	n := rig.StartNode(c.t, o)
	c.nodes = append(c.nodes, n)
	return n
}

// folder is a data folder on a file system of its own, of 300 MB.
func (c *clinic) folder(name string) string {
	c.t.Helper()
	dir := filepath.Join(c.t.(*testing.T).TempDir(), name)
	for _, args := range [][]string{{"mkdir", "-m", "700", dir}, {"mount", "-t", "tmpfs", "-o", "size=300m,mode=700", "tmpfs", dir}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			c.t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	c.t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return dir
}

// ask runs doctor on a node's machine, and gives what is not well, and the exit
// code.
func (c *clinic) ask(on string, args ...string) (found []doctor.Check, code int) {
	c.t.Helper()
	argv := append(slices.Clone(c.ns[on]), rig.Tested(c.t).Argv[0], "doctor", "-o", "json", "--address", inHost)
	cmd := exec.Command(argv[0], append(argv[1:], args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code, err = exit.ExitCode(), nil
	}
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil {
		c.t.Fatalf("doctor on %s: %v\n%s%s", on, err, out, stderr.Bytes())
	}
	return slices.DeleteFunc(found, func(d doctor.Check) bool { return d.Result == doctor.OK || d.Result == doctor.Unknown }), code
}

// has checks that among what was found is this, with a fix.
func (c *clinic) has(found []doctor.Check, name, node string, result doctor.Result, finding string) {
	c.t.Helper()
	if !slices.ContainsFunc(found, func(d doctor.Check) bool {
		return d.Name == name && d.Node == node && d.Result == result && strings.Contains(d.Finding, finding) && d.Fix != ""
	}) {
		c.t.Errorf("no %s of %s at %q with %q among %+v", result, name, node, finding, found)
	}
}

// drop makes the bridge drop what a host sends to an address and port.
func (c *clinic) drop(from, to, proto, port string) {
	c.t.Helper()
	c.nft(fmt.Sprintf("add table bridge %[1]s\n"+
		"add chain bridge %[1]s forward { type filter hook forward priority 0; }\n"+
		"add chain bridge %[1]s input { type filter hook input priority 0; }\n"+
		"add rule bridge %[1]s forward iifname %[2]s ip daddr %[3]s %[4]s dport %[5]s drop\n"+
		"add rule bridge %[1]s input iifname %[2]s ip daddr %[3]s %[4]s dport %[5]s drop\n", c.name, c.ports[from], to, proto, port))
}

// TestDoctor makes trouble of many kinds and has doctor find each.
func TestDoctor(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "doctor")
	c := newClinic(t, "dr", "198.51.104")

	healthy, code := c.ask("n1")
	if len(healthy) != 1 || code != 1 {
		t.Errorf("of healthy nodes doctor says %+v (exit code %d), want only that n2 may open 1000 files", healthy, code)
	}
	c.has(healthy, doctor.CheckFiles, "n2", doctor.Warn, "1000 files")

	t.Run("on the machine", func(t *testing.T) {
		state := filepath.Join(c.nodes[0].Dir, "state.db")
		if err := os.Chmod(state, 0o644); err != nil {
			t.Fatal(err)
		}
		c.nodes[2].WriteConfig(t, "route: { receiver: other }\nreceivers: [{ name: other }]\n")
		if err := os.WriteFile(filepath.Join(c.nodes[1].Dir, "ballast"), make([]byte, 200<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second) // facts are told again for three
		found, code := c.ask("n3")
		c.has(found, doctor.CheckModes, "n1", doctor.Warn, state+" (0644)")
		c.has(found, doctor.CheckFile, "n3", doctor.Warn, "is not what the cluster runs")
		c.has(found, doctor.CheckDisk, "n2", doctor.Fail, "are free")
		if code != 2 {
			t.Errorf("exit code %d, want 2", code)
		}
	})

	t.Run("on the network", func(t *testing.T) {
		for _, replica := range []string{"p1", "p2"} {
			r := c.nodes[1].PostAlerts(rig.APIAlert{Labels: map[string]string{"alertname": "Twice", "prometheus_replica": replica}})
			if r.Code != 200 {
				t.Fatal(r)
			}
		}
		_, port, _ := strings.Cut(strings.TrimPrefix(c.hook.URL, "http://"), ":")
		port, _, _ = strings.Cut(port, "/")
		c.drop("n2", c.addr(1), "tcp", port)
		c.drop("n1", c.addr(13), "tcp", "9095")
		c.drop("n1", c.addr(13), "udp", "9094")
		time.Sleep(4 * time.Second)
		found, _ := c.ask("n1")
		c.has(found, doctor.CheckPorts, "n1", doctor.Fail, "n3 at "+c.addr(13)+":9095/tcp (no answer in time), "+c.addr(13)+":9094/udp")
		c.has(found, doctor.CheckReceivers, "n2", doctor.Fail, "it does not reach "+c.addr(1)+":"+port+" (hook/webhook[0])")
		c.has(found, doctor.CheckReplicas, "", doctor.Warn, "prometheus_replica differs (p1, p2), such as Twice")
		if slices.ContainsFunc(found, func(d doctor.Check) bool { return d.Name == doctor.CheckReceivers && d.Node != "n2" }) {
			t.Errorf("who else does not reach the receiver? %+v", found)
		}
		c.heal()
	})

	t.Run("a node that is down", func(t *testing.T) {
		c.nodes[2].Kill()
		time.Sleep(4 * time.Second)
		found, code := c.ask("n1")
		c.has(found, doctor.CheckNode, "n3", doctor.Fail, "no facts")
		c.has(found, doctor.CheckPorts, "n1", doctor.Fail, "connection refused")
		if code != 2 {
			t.Errorf("exit code %d, want 2", code)
		}
		dir := c.nodes[2].Dir
		if err := os.Chmod(filepath.Join(dir, "local.db"), 0o666); err != nil {
			t.Fatal(err)
		}
		c.nodes[2].WriteConfig(t, "route: { receiver: nobody }\n")
		found, _ = c.ask("n3", "--storage.path="+dir, "--config.file="+filepath.Join(dir, "config.yml"))
		c.has(found, doctor.CheckNode, inHost, doctor.Fail, "connection refused")
		c.has(found, doctor.CheckModes, "this machine", doctor.Warn, "local.db (0666)")
		c.has(found, doctor.CheckFile, "this machine", doctor.Fail, "nobody")
	})
}

// TestDoctorAddress: a node that has the others call its own loopback address.
func TestDoctorAddress(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "doctor")
	c := &clinic{lan: newLAN(t, "da", "198.51.105"), t: t, ns: map[string][]string{}}
	c.hook = rig.NewSinkAt(t, "hook", c.addr(1)+":0")
	c.start("n1", 11, nil, "--raft.advertise-address=127.0.0.1:9095")
	c.hasty = true
	c.start("n2", 12, nil)
	var found []doctor.Check
	rig.Eventually(20*time.Second, time.Second, func() bool {
		found, _ = c.ask("n1")
		return slices.ContainsFunc(found, func(d doctor.Check) bool { return d.Name == doctor.CheckAddress })
	})
	c.has(found, doctor.CheckAddress, "n1", doctor.Fail, "127.0.0.1:9095, which is each machine's own")
}
