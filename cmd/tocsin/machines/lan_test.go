package machines_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// address is one of the network that the machines and the test are in.
func address(last int) string { return fmt.Sprint("10.77.0.", last) }

// lay lays the network, with the test itself at .1.
func lay(t *testing.T) {
	t.Helper()
	ip(t, "link", "add", "lan", "type", "bridge")
	t.Cleanup(func() { ip(t, "link", "del", "lan") })
	ip(t, "link", "set", "lan", "up")
	ip(t, "addr", "add", address(1)+"/24", "dev", "lan")
}

// plug gives a machine its end of a cable.
func plug(t *testing.T, name, addr string) {
	t.Helper()
	ip(t, "netns", "add", name)
	t.Cleanup(func() { ip(t, "netns", "del", name) })
	ip(t, "link", "add", "to-"+name, "type", "veth", "peer", "name", "eth0", "netns", name)
	ip(t, "link", "set", "to-"+name, "master", "lan", "up")
	ip(t, "-n", name, "link", "set", "lo", "up")
	ip(t, "-n", name, "addr", "add", addr+"/24", "dev", "eth0")
	ip(t, "-n", name, "link", "set", "eth0", "up")
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}
