package machines_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// The lines of the README.
const installLine = "tocsin install --bootstrap-expect 3 --peers node1,node2,node3"

func debOf(version string) string { return "tocsin_" + version + "_" + runtime.GOARCH + ".deb" }

// TestThreeMachines is the life of a cluster. Whatever happens to the machines,
// what fires is told once, and what is over, too.
func TestThreeMachines(t *testing.T) {
	need(t)
	w := newWorld(t)
	for _, chapter := range []struct {
		name string
		do   func()
	}{
		{"boot", w.boot},
		{"what fails is taken back", w.failToInstall},
		{"install", w.install},
		{"install again", w.installAgain},
		{"doctor", w.doctor},
		{"what the service may", w.confined},
		{"stop and start the leader", w.stopLeader},
		{"restart", w.restart},
		{"reload", w.reload},
		{"rolling upgrade", w.upgrade},
		{"a mistake is taken back", w.restoreMistake},
		{"kill", w.kill},
		{"hang", w.hang},
		{"all without power at once", w.powerCut},
		{"the end of it all", w.allOver},
		{"all data is lost", w.disaster},
		{"uninstall", w.uninstall},
		{"the package for RHEL", w.rpmLife},
		{"a cluster with a join token", w.closed},
	} {
		began := time.Now()
		chapter.do()
		t.Logf("%-28s %5.1f s", chapter.name, time.Since(began).Seconds())
		if t.Failed() {
			return
		}
	}
}

func (w *world) boot() {
	for _, m := range w.machines {
		m.switchOn()
	}
	for _, m := range w.machines {
		m.awaitBoot()
	}
	w.machines[0].do("ufw --force enable")
	w.machines[1].do("systemctl enable -q --now firewalld && firewall-cmd --state")
	for _, m := range w.machines {
		m.copyIn(debOf(before))
		m.copyIn(debOf(after))
	}
}

// failToInstall puts a program onto a machine whose configuration is not valid, and
// then onto one whose port is taken: nothing of it stays.
func (w *world) failToInstall() {
	m := w.machines[2]
	program := m.copyIn("tocsin-" + before)
	m.do("mkdir /etc/tocsin && echo 'route: {receiver: nobody}' >/etc/tocsin/alertmanager.yml && chmod 755 /etc/tocsin")
	traces := func(after string) {
		w.t.Helper()
		found, _ := m.try("find /etc /usr/local /var -type f -not -path /etc/tocsin/alertmanager.yml -not -path /etc/tocsin-image | grep -i tocsin;" +
			" ls -d /var/lib/tocsin 2>/dev/null; getent passwd tocsin; systemctl --all --no-legend list-units tocsin.service")
		if strings.TrimSpace(found) != "" {
			w.t.Errorf("%s left behind:\n%s", after, found)
		}
		if mode := m.do("stat -c '%a %G' /etc/tocsin"); mode != "755 root" {
			w.t.Errorf("after %s the folder that was there is %s", after, mode)
		}
	}
	if out, err := m.try(program + " install"); err == nil || !strings.Contains(out, "alertmanager.yml:1:") {
		w.t.Errorf("an install with a configuration that is not valid: %v\n%s", err, out)
	}
	traces("a bad configuration")

	m.do("rm /etc/tocsin/alertmanager.yml")
	m.do("systemd-run -q --unit=squatter python3 -m http.server 9093")
	m.do("until curl -s -o /dev/null localhost:9093; do sleep 0.1; done")
	if out, err := m.try(program + " install"); err == nil || !strings.Contains(out, "taken back") || !strings.Contains(out, "--web.listen-address") {
		w.t.Errorf("an install with the port taken: %v\n%s", err, out)
	}
	traces("a taken port")
	m.do("systemctl stop squatter; rmdir /etc/tocsin")
}

// install is what the README says: the package, the configuration, one line.
func (w *world) install() {
	for i, m := range w.machines {
		m.do("apt-get install -q -y /root/" + debOf(before))
		if state := m.property("ActiveState"); state != "inactive" {
			w.t.Fatalf("the package alone started a node: it is %s", state)
		}
		m.write("/etc/tocsin/alertmanager.yml", w.config())
		out := m.do(installLine)
		if i < 2 && !strings.Contains(out, "waits for") {
			w.t.Errorf("%s does not say what it waits for:\n%s", m.name, out)
		}
	}
	w.awaitQuorum(w.machines...)
	w.fire("Installed")
	w.awaitTold("firing", "Installed")
	if rules := w.machines[0].do("ufw status"); len(lines(rules, w.machines[1].ip)) != 3 || strings.Contains(rules, w.machines[0].ip) {
		w.t.Errorf("ufw's rules:\n%s", rules)
	}
	for _, where := range []string{"--permanent", ""} {
		if rules := w.machines[1].do("firewall-cmd --list-rich-rules " + where); len(lines(rules, "accept")) != 7 {
			w.t.Errorf("firewalld's rules %s:\n%s", where, rules)
		}
	}
}

// config is the cluster's first configuration.
func (w *world) config() string {
	return fmt.Sprintf("route: {receiver: team, group_by: [alertname], group_wait: 1s, group_interval: 5s, repeat_interval: 4h}\n"+
		"receivers: [{name: team, webhook_configs: [{url: %q}]}]\n", w.sink.URL)
}

func (w *world) installAgain() {
	for _, m := range w.machines {
		pid := m.property("MainPID")
		out := m.do(installLine)
		if strings.Contains(out, "done ") || len(lines(out, "already so")) < 6 {
			w.t.Errorf("the second install did something:\n%s", out)
		}
		if now := m.property("MainPID"); now != pid {
			w.t.Errorf("the second install restarted %s", m.name)
		}
		m.do("rm -f /tmp/before; ls -lR /etc/tocsin >/tmp/before; tocsin uninstall --dry-run; ls -lR /etc/tocsin | cmp - /tmp/before")
	}
}

// doctor has nothing to say of a new cluster.
func (w *world) doctor() {
	for _, m := range w.machines {
		if out, err := m.try("tocsin doctor"); err != nil {
			w.t.Errorf("doctor on %s: %v\n%s", m.name, err, out)
		}
	}
}

// confined looks at what systemd says of the unit, and at who can read what.
func (w *world) confined() {
	m := w.machines[0]
	if out := m.do("systemd-analyze verify --man=no tocsin.service 2>&1"); out != "" {
		w.t.Errorf("systemd-analyze verify:\n%s", out)
	}
	m.do("systemd-analyze security --no-pager --threshold=20 tocsin.service")
	for path, want := range map[string]string{
		"/etc/tocsin": "750 root:tocsin", "/etc/tocsin/tocsin.env": "640 root:tocsin",
		"/var/lib/tocsin": "700 tocsin:tocsin", "/var/lib/tocsin/state.db": "600 tocsin:tocsin",
	} {
		if got := m.do("stat -c '%a %U:%G' " + path); got != want {
			w.t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	m.do("test -e /usr/share/man/man1/tocsin-install.1 -a -e /usr/share/bash-completion/completions/tocsin")
}

// stopLeader stops the node that leads: the others go on at once.
func (w *world) stopLeader() {
	m := w.leader()
	w.fire("WhileStopping")
	began := time.Now()
	m.do("systemctl stop tocsin")
	if took := time.Since(began); took > 30*time.Second {
		w.t.Errorf("the stop took %v", took)
	}
	if result := m.property("Result"); result != "success" {
		w.t.Errorf("the service ended with %s", result)
	}
	if out := m.do("journalctl --no-pager -q -u tocsin"); len(lines(out, "leadership is handed over")) == 0 {
		w.t.Error("the leader did not hand over")
	}
	w.fire("WithoutOne")
	w.awaitTold("firing", "WhileStopping", "WithoutOne")
	m.do("systemctl start tocsin")
	w.awaitQuorum(w.machines...)
}

func (w *world) restart() {
	for _, m := range w.machines {
		w.fire("RestartOf" + m.name)
		m.do("systemctl restart tocsin")
		w.awaitQuorum(w.machines...)
		w.awaitTold("firing", "RestartOf"+m.name)
	}
}

// reload changes the configuration on one machine: all run it.
func (w *world) reload() {
	w.machines[1].do("sed -i 's/repeat_interval: 4h/repeat_interval: 5h/' /etc/tocsin/alertmanager.yml && systemctl reload tocsin")
	for _, m := range w.machines {
		w.awaitShown(m, "tocsin config show", "repeat_interval: 5h")
	}
}

// upgrade brings a new version to one machine after the other.
func (w *world) upgrade() {
	for _, m := range w.machines {
		w.fire("UpgradeOf" + m.name)
		m.do("apt-get install -q -y /root/" + debOf(after))
		w.awaitQuorum(w.machines...)
		st, err := m.status()
		if err != nil || st.Build.Version != after {
			w.t.Fatalf("%s runs %q after the upgrade to %s: %v", m.name, st.Build.Version, after, err)
		}
		if out := m.do("grep -c repeat_interval /etc/tocsin/alertmanager.yml; grep cluster.peer= /etc/tocsin/tocsin.env"); out == "" {
			w.t.Errorf("%s has lost its configuration", m.name)
		}
	}
	for _, m := range w.machines {
		w.awaitTold("firing", "UpgradeOf"+m.name)
	}
}

// restoreMistake changes things, and has the cluster go by the backup of before.
func (w *world) restoreMistake() {
	m := w.machines[0]
	m.do("tocsin snapshot save /root/backup && tocsin snapshot inspect /root/backup")
	w.machines[1].do("tocsin silence add Mistake -d 1h -c 'a mistake'")
	w.machines[2].do("sed -i 's/repeat_interval: 4h/repeat_interval: 6h/' /etc/tocsin/alertmanager.yml && systemctl reload tocsin")
	w.awaitShown(w.machines[0], "tocsin config show", "repeat_interval: 6h")
	m.do("tocsin snapshot restore /root/backup")
	for _, m := range w.machines {
		w.awaitShown(m, "tocsin config show", "repeat_interval: 5h")
		if out := m.do("tocsin silence query"); strings.Contains(out, "Mistake") {
			w.t.Errorf("the silence is still there on %s:\n%s", m.name, out)
		}
	}
}

// awaitShown waits until a command says something.
func (w *world) awaitShown(m *machine, line, word string) {
	w.t.Helper()
	var out string
	if !rig.Eventually(limit, 100*time.Millisecond, func() bool {
		out, _ = m.try(line)
		return strings.Contains(out, word)
	}) {
		w.t.Fatalf("%s# %s does not say %q:\n%s", m.name, line, word, out)
	}
}

// disaster takes all disks away; what is left is a backup.
func (w *world) disaster() {
	first := w.machines[0]
	first.do("tocsin silence add Planned -d 1h -c 'kept by the backup' && tocsin snapshot save /root/last")
	for _, m := range w.machines {
		m.do("systemctl stop tocsin; rm -rf /var/lib/tocsin/*")
	}
	first.do("tocsin snapshot restore /root/last --storage.path=/var/lib/tocsin")
	for _, m := range w.machines {
		m.do("systemctl start tocsin")
	}
	w.awaitQuorum(w.machines...)
	for _, m := range w.machines {
		w.awaitShown(m, "tocsin silence query", "Planned")
	}
	w.fire("AfterTheDisaster")
	w.awaitTold("firing", "AfterTheDisaster")
	w.endAll()
	w.awaitTold("resolved", "AfterTheDisaster")
	w.toldOnce()
}

// kill ends a node without a word: systemd starts it again.
func (w *world) kill() {
	m := w.leader()
	pid := m.property("MainPID")
	m.do("kill -KILL " + pid)
	w.fire("WhileKilled")
	w.awaitRestart(m, pid)
	w.awaitQuorum(w.machines...)
	w.awaitTold("firing", "WhileKilled")
}

// hang freezes a node: the watchdog finds out, systemd starts it again.
func (w *world) hang() {
	m := w.leader()
	pid := m.property("MainPID")
	m.do("kill -STOP " + pid)
	w.fire("WhileHung")
	w.awaitRestart(m, pid)
	if out := m.do("journalctl --no-pager -q -u tocsin"); len(lines(out, "Watchdog timeout")) == 0 {
		w.t.Error("it was not the watchdog that found out")
	}
	w.awaitQuorum(w.machines...)
	w.awaitTold("firing", "WhileHung")
}

func (w *world) awaitRestart(m *machine, pid string) {
	w.t.Helper()
	if !rig.Eventually(limit, 200*time.Millisecond, func() bool {
		now := m.property("MainPID")
		return now != pid && now != "0" && m.property("ActiveState") == "active"
	}) {
		w.t.Fatalf("systemd has not started %s again", m.name)
	}
}

// powerCut takes the power from all machines at once, and gives it back.
func (w *world) powerCut() {
	for _, m := range w.machines {
		m.cutPower()
	}
	for _, m := range w.machines {
		m.switchOn()
	}
	for _, m := range w.machines {
		m.awaitBoot()
	}
	w.awaitQuorum(w.machines...)
	w.fire("AfterThePowerCut")
	w.awaitTold("firing", "AfterThePowerCut")
}

// allOver ends what fires, and counts what people were told.
func (w *world) allOver() {
	w.endAll()
	w.awaitTold("resolved", w.names...)
	w.toldOnce()
}

// toldOnce judges what the receiver was told so far, of alerts that are over.
func (w *world) toldOnce() {
	w.t.Helper()
	for _, name := range w.names {
		for _, status := range []string{"firing", "resolved"} {
			if n := w.told(name, status); n != 1 {
				w.t.Errorf("people were told %d times that %s is %s, want once", n, name, status)
			}
		}
	}
}

// uninstall takes one machine out: its data stays, until it is said otherwise.
func (w *world) uninstall() {
	m := w.machines[2]
	m.do("tocsin uninstall && tocsin uninstall | grep -c 'already so'")
	m.do("apt-get remove -q -y tocsin; test ! -e /usr/bin/tocsin && test -s /var/lib/tocsin/state.db && test -e /etc/tocsin/tocsin.env")
	w.awaitQuorum(w.machines[:2]...)
	w.machines[0].do("tocsin raft remove-peer node3")

	// Without a package, and from one version to the next.
	m.do("rm -rf /var/lib/tocsin")
	for _, version := range []string{before, after} {
		m.do(strings.Replace(installLine, "tocsin", m.copyIn("tocsin-"+version), 1))
		w.awaitQuorum(w.machines...)
		if st, err := m.status(); err != nil || st.Build.Version != version {
			w.t.Errorf("version %s was installed, %q runs: %v", version, st.Build.Version, err)
		}
	}
	m.do("tocsin uninstall --purge --confirm node3")
	if out := m.do("find / -xdev -iname '*tocsin*' -not -path '/root/*' -not -path '/proc/*' -not -path '/etc/tocsin-image' -not -path '*/dpkg/*'; getent passwd tocsin || true"); out != "" {
		w.t.Errorf("the purge left behind:\n%s", out)
	}
}
