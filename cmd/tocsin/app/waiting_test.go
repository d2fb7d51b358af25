package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/cluster/clustertest"
)

// TestWaitingNodeSaysSo: a node that waits to become a member and has no
// configuration can tell nobody anything. It is not ready, and not degraded.
func TestWaitingNodeSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, net: clustertest.New(1)}
		l.inbox = newInbox(t, l.net.Host("10.0.0.100"))
		file := filepath.Join(t.TempDir(), "alertmanager.yml")
		if err := os.WriteFile(file, []byte(labConfig), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.stop)
		for i := range 3 {
			l.nodes = append(l.nodes, l.newNode(i, 3, file))
		}
		first := l.nodes[0]
		l.start(first)
		time.Sleep(time.Minute)
		if w := first.do(http.MethodGet, "/-/ready", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "waits") {
			t.Errorf("ready: %d %s", w.Code, w.Body)
		}
		if w := first.do(http.MethodGet, "/api/tocsin/v1/status", ""); strings.Contains(w.Body.String(), "degraded") || !strings.Contains(w.Body.String(), `"waiting":`) {
			t.Errorf("status: %s", w.Body)
		}
		l.start(l.nodes[1])
		l.start(l.nodes[2])
		within(t, time.Minute, "it is ready", func() bool { return first.do(http.MethodGet, "/-/ready", "").Code == http.StatusOK })
		// Once it has a configuration it is ready for alerts, cut off or not.
		for _, n := range l.nodes {
			within(t, time.Minute, "it is a member", func() bool { return isClosed(n.Ready()) })
		}
		l.net.Split([]string{first.ip}, []string{l.nodes[1].ip, l.nodes[2].ip})
		time.Sleep(time.Minute)
		if w := first.do(http.MethodGet, "/-/ready", ""); w.Code != http.StatusOK {
			t.Errorf("cut off: %d %s", w.Code, w.Body)
		}
		if w := first.do(http.MethodGet, "/api/tocsin/v1/status", ""); !strings.Contains(w.Body.String(), "degraded_since") {
			t.Errorf("cut off: %s", w.Body)
		}
		l.net.Heal()
		within(t, time.Minute, "it is back", func() bool { return first.Cluster().Quorum().Held })
	})
}
