package machines_test

import (
	"os"
	"strings"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// closed founds another cluster on the machines, with a join token: who has none
// stays outside.
func (w *world) closed() {
	first, last := w.machines[0], w.machines[2]
	program := last.copyIn("tocsin-" + after)
	for _, m := range w.machines {
		m.do("systemctl stop tocsin 2>/dev/null; rm -rf /var/lib/tocsin; mkdir -p /etc/tocsin")
		m.write("/etc/tocsin/alertmanager.yml", w.config()) // any of them may be the one that begins
	}
	first.do("tocsin raft token create --offline --out /root/token")
	for _, m := range w.machines {
		if m != first {
			first.handOver("/root/token", m)
		}
		line := installLine + " --join-token-file /root/token"
		if m == last {
			line = strings.Replace(line, "tocsin", program, 1)
		}
		m.do(line)
	}
	w.awaitQuorum(w.machines...)
	if mode := last.do("stat -c '%a %U:%G' /etc/tocsin/join-token"); mode != "640 root:tocsin" {
		w.t.Errorf("the token is %s", mode)
	}
	w.fire("InTheClosedCluster")
	w.awaitTold("firing", "InTheClosedCluster")

	last.do("tocsin uninstall --purge --confirm node3")
	first.do("tocsin raft remove-peer node3")
	last.do(strings.Replace(installLine, "tocsin", program, 1))
	if !rig.Eventually(limit, time.Second, func() bool { return strings.Contains(last.property("StatusText"), "token") }) {
		w.t.Errorf("a machine without a token says: %s", last.property("StatusText"))
	}
	if st, err := first.status(); err != nil || st.Cluster.Quorum.Voters != 2 {
		w.t.Errorf("a machine without a token was let in: %+v %v", st.Cluster, err)
	}
	first.do("tocsin raft token create --out /root/once")
	first.handOver("/root/once", last)
	last.do("tocsin raft join node1 --token-file /root/once")
	w.awaitQuorum(w.machines...)

	w.endAll()
	w.awaitTold("resolved", "InTheClosedCluster")
	w.toldOnce()
}

// handOver copies a secret file to another machine.
func (m *machine) handOver(path string, to *machine) {
	m.t.Helper()
	text, err := os.ReadFile(m.path(path))
	m.must(err)
	m.must(os.WriteFile(to.path(path), text, 0o600))
}
