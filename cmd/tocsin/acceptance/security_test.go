package acceptance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// tool runs a command of the program under test, and gives what it wrote.
func tool(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	argv := rig.Tested(t).Tool(args...)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "TOCSIN_ADDRESS=", "TOCSIN_TOKEN_FILE=")
	b, err := cmd.CombinedOutput()
	return string(b), err
}

func mustTool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tool(t, args...)
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return out
}

// TestClosedCluster founds a cluster with one token on three machines, lets a
// fourth node in and others not, replaces all keys, throws noise at the ports, and
// starts all of it again without a token.
func TestClosedCluster(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "join tokens")
	dir := t.TempDir()
	founders := filepath.Join(dir, "founders")
	mustTool(t, "raft", "token", "create", "--offline", "--out", founders)
	if info, err := os.Stat(founders); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the token's file: %v, %v", info, err)
	}
	hook := rig.NewSink(t, "hook")
	c, hosts := &rig.Cluster{}, []string{rig.Loopback(), rig.Loopback(), rig.Loopback()}
	flagsOf := func(host string, more ...string) []string {
		return append([]string{
			"--web.listen-address=" + host + ":9093", "--cluster.listen-address=" + host + ":9094",
			"--cluster.peer=" + hosts[0] + ":9094", "--cluster.peer=" + hosts[1] + ":9094", "--cluster.peer=" + hosts[2] + ":9094",
		}, more...)
	}
	for i, host := range hosts {
		c.Nodes = append(c.Nodes, rig.Launch(t, rig.NodeOptions{
			Name: fmt.Sprint("n", i+1), Config: config(hook, routing{}),
			Flags: flagsOf(host, "--raft.bootstrap-expect=3", "--cluster.join-token-file="+founders),
		}))
	}
	for _, n := range c.Nodes {
		n.AwaitServing(t)
	}
	c.AwaitMembers(t, 3, 10*time.Second)
	api := "http://" + hosts[0] + ":9093"

	host := rig.Loopback()
	stranger := rig.Launch(t, rig.NodeOptions{Name: "stranger", Config: config(hook, routing{}), Flags: flagsOf(host)})
	if !rig.Eventually(10*time.Second, 50*time.Millisecond, func() bool {
		return strings.Contains(stranger.Log.Text(), "the cluster is closed and no join token was shown")
	}) {
		t.Errorf("the stranger was not told why it is refused:\n%s", stranger.Log.Text())
	}
	once := filepath.Join(dir, "once")
	mustTool(t, "raft", "token", "create", "--out", once, "--address", api)
	for range 2 {
		if out := mustTool(t, "raft", "join", hosts[1], "--token-file", once, "--address", "http://"+host+":9093"); !strings.Contains(out, "is a member of cluster") {
			t.Errorf("join: %s", out)
		}
	}
	stranger.AwaitServing(t)
	c.Nodes = append(c.Nodes, stranger)
	c.AwaitMembers(t, 4, 10*time.Second)
	list := mustTool(t, "raft", "token", "list", "--address", api, "-o", "json")
	for _, file := range []string{founders, once} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		secret := strings.TrimSpace(string(text))[60:]
		for _, n := range c.Nodes {
			if strings.Contains(list, secret) || strings.Contains(n.Log.Text(), secret) {
				t.Errorf("a token is shown by %s or its list", n.Name)
			}
		}
	}
	for _, kind := range []string{"gossip", "ca", "certs"} {
		mustTool(t, "raft", "keys", "rotate", kind, "--address", api)
	}
	throwNoise(t, hosts[0])
	c.AwaitAgreement(t, 5*time.Second)

	// All of them are killed, and start without a token.
	if err := os.Remove(founders); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Nodes {
		n.Kill()
	}
	for _, n := range c.Nodes {
		n.Relaunch(t)
	}
	for _, n := range c.Nodes {
		n.AwaitServing(t)
	}
	c.AwaitMembers(t, 4, 15*time.Second)
	c.Nodes[3].MustSilence(t, rig.Mute("a", "b", time.Hour))
	if got := secureStatus(t, api); !got.Required || got.Keys[0].Changing || got.Keys[1].Changing {
		t.Errorf("security %+v", got)
	}
	c.Terminate(t)
}

type security struct {
	Required bool `json:"join_token_required"`
	Keys     []struct {
		Kind     string
		Changing bool
	} `json:"keys"`
}

func secureStatus(t *testing.T, api string) (s security) {
	t.Helper()
	if err := json.Unmarshal([]byte(mustTool(t, "raft", "keys", "show", "--address", api, "-o", "json")), &s); err != nil || len(s.Keys) != 2 {
		t.Fatalf("security %+v: %v", s, err)
	}
	return s
}

// throwNoise sends random bytes to both ports between nodes, over tcp and udp.
func throwNoise(t *testing.T, host string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 7))
	noise := func() []byte {
		b := make([]byte, 1+rng.IntN(1200))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	udp, err := net.Dial("udp", host+":9094")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for range 300 {
		_, _ = udp.Write(noise())
		for _, port := range []string{":9094", ":9095"} {
			tcp, err := net.DialTimeout("tcp", host+port, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = tcp.Write(noise())
			_ = tcp.Close()
		}
	}
}
