package e2e_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// lan is a network of its own: a bridge with the test itself at .1, and hosts in
// network namespaces.
type lan struct {
	t      testing.TB
	name   string // a letter or two: interface names are short
	prefix string // the first three bytes of its addresses, such as 203.0.113
	ports  map[string]string
}

// newLAN makes a bridge.
func newLAN(t testing.TB, name, prefix string) *lan {
	t.Helper()
	rig.NeedRoot(t)
	rig.NeedTool(t, "ip")
	l := &lan{t: t, name: name, prefix: prefix, ports: map[string]string{}}
	l.ip("link", "add", l.bridge(), "type", "bridge")
	l.ip("link", "set", l.bridge(), "up")
	l.ip("addr", "add", l.addr(1)+"/24", "dev", l.bridge())
	t.Cleanup(func() { l.ip("link", "del", l.bridge()) })
	return l
}

func (l *lan) bridge() string { return "br-" + l.name }

// addr is an address of the network.
func (l *lan) addr(last int) string { return fmt.Sprintf("%s.%d", l.prefix, last) }

// host makes a host and gives the words that stand before a command to run it
// there.
func (l *lan) host(name string, last int) []string {
	l.t.Helper()
	ns, port := l.name+"-"+name, l.name+"-p"+name
	l.ip("netns", "add", ns)
	l.t.Cleanup(func() { l.ip("netns", "del", ns) })
	l.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", ns)
	l.ip("link", "set", port, "master", l.bridge(), "up")
	l.ip("-n", ns, "link", "set", "lo", "up")
	l.ip("-n", ns, "addr", "add", l.addr(last)+"/24", "dev", "eth0")
	l.ip("-n", ns, "link", "set", "eth0", "up")
	l.ports[name] = port
	return []string{"ip", "netns", "exec", ns}
}

func (l *lan) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// cut drops everything between two hosts, both ways, on the bridge; both still
// reach all others.
func (l *lan) cut(a, b string) {
	l.t.Helper()
	l.nft(fmt.Sprintf("add table bridge %[1]s\n"+
		"add chain bridge %[1]s cut { type filter hook forward priority 0; }\n"+
		"add rule bridge %[1]s cut iifname %[2]s oifname %[3]s drop\n"+
		"add rule bridge %[1]s cut iifname %[3]s oifname %[2]s drop\n", l.name, l.ports[a], l.ports[b]))
}

// heal takes back all cuts.
func (l *lan) heal() {
	l.t.Helper()
	l.nft("delete table bridge " + l.name + "\n")
}

func (l *lan) nft(script string) {
	l.t.Helper()
	cmd := exec.Command(rig.NeedTool(l.t, "nft"), "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("nft: %v: %s\n%s", err, out, script)
	}
}
