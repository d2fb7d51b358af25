package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// startHAProxy starts a load balancer with a configuration and waits until it
// answers for a healthy server.
func startHAProxy(t testing.TB, wrap []string, conf, url string) *rig.Client {
	t.Helper()
	prog := rig.NeedTool(t, "haproxy")
	if err := os.MkdirAll("/run/haproxy", 0o755); err != nil { // in this process's own /run
		t.Fatal(err)
	}
	p := rig.Start(t, rig.Spec{Name: "haproxy", Argv: append(append([]string{}, wrap...), prog, "-db", "-f", conf), Quiet: true})
	c := rig.NewClient(url)
	if !rig.Eventually(10*time.Second, 100*time.Millisecond, func() bool { return c.Get("/-/healthy").Code == 200 }) {
		t.Fatalf("haproxy does not answer:\n%s\n%s", p.Out.Text(), p.Log.Text())
	}
	return c
}

// balancer is the configuration of a plain load balancer.
func balancer(t testing.TB, listen string, servers []string) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, `defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
frontend f
  bind %s
  default_backend b
backend b
  balance roundrobin
  option httpchk GET /-/ready
  option redispatch
`, listen)
	for i, s := range servers {
		fmt.Fprintf(&b, "  server s%d %s check inter 500ms fall 2 rise 1\n", i, s)
	}
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
