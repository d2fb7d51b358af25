package machines_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

const (
	bootLimit    = 60 * time.Second
	commandLimit = 2 * time.Minute
)

// powerOff is what asks the first process of a container to shut down
// (SIGRTMIN+4).
const powerOff = syscall.Signal(34 + 4)

// machine is a container with a systemd of its own, and a place on the bridge.
type machine struct {
	t    *testing.T
	name string
	ip   string
	dir  string
	boot *exec.Cmd // systemd-nspawn; nil while it is off
}

// newMachine makes a machine's disk, names and network; it is off.
func newMachine(t *testing.T, number int) *machine {
	t.Helper()
	m := &machine{t: t, name: fmt.Sprint("node", number), ip: address(10 + number), dir: t.TempDir()}
	for _, sub := range []string{"upper", "work", "root"} {
		m.must(os.Mkdir(filepath.Join(m.dir, sub), 0o755))
	}
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", image(), m.dir, m.dir)
	m.must(syscall.Mount("overlay", m.path("/"), "overlay", 0, layers))
	t.Cleanup(func() { m.must(syscall.Unmount(m.path("/"), syscall.MNT_DETACH)) })
	m.write("/etc/hostname", m.name+"\n")
	m.must(os.Remove(m.path("/etc/machine-id")))
	m.write("/etc/machine-id", "")
	hosts := "127.0.0.1 localhost\n"
	for i := 1; i <= 3; i++ {
		hosts += fmt.Sprintf("%s node%d\n", address(10+i), i)
	}
	m.write("/etc/hosts", hosts)
	m.must(os.MkdirAll(m.path("/var/log/journal"), 0o755))
	t.Cleanup(m.end)
	plug(t, m.name, m.ip)
	return m
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%s: %v", m.name, err)
	}
}

// path is a file of the machine as the test sees it.
func (m *machine) path(p string) string { return filepath.Join(m.dir, "root", p) }

func (m *machine) write(p, text string) {
	m.t.Helper()
	m.must(os.WriteFile(m.path(p), []byte(text), 0o644))
}

// copyIn puts a file of the packages' folder into the machine's /root.
func (m *machine) copyIn(name string) string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(os.Getenv(envPackages), name))
	m.must(err)
	to := filepath.Join("/root", name)
	m.must(os.WriteFile(m.path(to), text, 0o755))
	return to
}

// switchOn boots the machine; see awaitBoot.
func (m *machine) switchOn() {
	m.t.Helper()
	groups := m.controlGroups()
	script := `for g in $GROUPS_OF_MACHINE; do echo $$ >$g/cgroup.procs; done; exec "$@"`
	console, err := os.OpenFile(filepath.Join(m.dir, "console"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	m.must(err)
	defer console.Close()
	m.boot = exec.Command("sh", "-ec", script, "boot", "systemd-nspawn", "-q", "--register=no", "--keep-unit", "-M", m.name,
		"--network-namespace-path=/run/netns/"+m.name, "--capability=CAP_NET_ADMIN", "-b", "-D", m.path("/"), "--console=read-only")
	m.boot.Env = append(os.Environ(), "GROUPS_OF_MACHINE="+strings.Join(groups, " "))
	m.boot.Stdout, m.boot.Stderr = console, console
	m.boot.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	m.must(m.boot.Start())
}

// controlGroups makes the machine's own control groups: without a systemd around
// them, containers would share the test's, and mix their units.
func (m *machine) controlGroups() []string {
	m.t.Helper()
	var out []string
	for _, base := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"} {
		if _, err := os.Stat(filepath.Join(base, "cgroup.procs")); err != nil {
			continue
		}
		group := filepath.Join(base, fmt.Sprintf("tocsin-%d-%s", os.Getpid(), filepath.Base(m.dir)+m.name))
		m.must(os.MkdirAll(group, 0o755))
		out = append(out, group)
	}
	return out
}

// leader is the machine's first process, as the test sees it; 0 if it is off.
func (m *machine) leader() int {
	if m.boot == nil {
		return 0
	}
	pid := m.boot.Process.Pid
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) == 0 {
		return 0
	}
	leader, err := strconv.Atoi(fields[0])
	m.must(err)
	return leader
}

// awaitBoot waits until the machine's systemd has started everything.
func (m *machine) awaitBoot() {
	m.t.Helper()
	var said string
	if !rig.Eventually(bootLimit, 100*time.Millisecond, func() bool {
		out, err := m.try("systemctl is-system-running --wait")
		said = strings.TrimSpace(out)
		return err == nil || said == "degraded" // a unit of the image that a container has no use for
	}) {
		console, _ := os.ReadFile(filepath.Join(m.dir, "console"))
		m.t.Fatalf("%s has not booted: %q\n%s", m.name, said, console)
	}
}

// cutPower ends everything on the machine at once.
func (m *machine) cutPower() {
	m.t.Helper()
	m.must(syscall.Kill(m.leader(), syscall.SIGKILL))
	_ = m.boot.Wait() // it says that it was killed
	m.boot = nil
}

// end is for the end of the test.
func (m *machine) end() {
	if m.boot == nil {
		return
	}
	if m.t.Failed() {
		out, _ := m.try("journalctl --no-pager -q -n 40 -o short-precise -u tocsin; cat /etc/tocsin/tocsin.env")
		m.t.Logf("the end of %s's log:\n%s", m.name, out)
	}
	leader := m.leader()
	if leader != 0 {
		_ = syscall.Kill(leader, powerOff)
	}
	off := make(chan struct{})
	go func() { _ = m.boot.Wait(); close(off) }()
	select {
	case <-off:
	case <-time.After(20 * time.Second):
		m.t.Errorf("%s does not shut down", m.name)
		_ = syscall.Kill(leader, syscall.SIGKILL)
		<-off
	}
	for _, g := range m.controlGroups() {
		_ = filepath.WalkDir(g, func(string, os.DirEntry, error) error { return nil })
		removeGroups(g)
	}
}

// removeGroups removes a control group and those below it; they are empty.
func removeGroups(g string) {
	entries, err := os.ReadDir(g)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeGroups(filepath.Join(g, e.Name()))
		}
	}
	_ = os.Remove(g)
}

// try runs a line of shell on the machine and gives all that it says.
func (m *machine) try(line string) (string, error) {
	leader := m.leader()
	if leader == 0 {
		return "", fmt.Errorf("%s is off", m.name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "-t", strconv.Itoa(leader), "-m", "-u", "-i", "-n", "-p", "--",
		"/usr/bin/env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "sh", "-c", line)
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// do runs a line of shell that has to work.
func (m *machine) do(line string) string {
	m.t.Helper()
	out, err := m.try(line)
	if err != nil {
		m.t.Fatalf("%s# %s: %v\n%s", m.name, line, err, out)
	}
	return strings.TrimSpace(out)
}
