package machines_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/install"
)

func rpmOf(version string) string {
	arch := runtime.GOARCH
	if name, other := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]; other {
		arch = name
	}
	return "tocsin-" + version + "-1." + arch + ".rpm"
}

// TestPackagesHoldWhatInstallDoes compares both packages with the list that
// `tocsin install` goes by: paths, modes, owners.
func TestPackagesHoldWhatInstallDoes(t *testing.T) {
	need(t)
	docs, err := cli.Docs()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range install.Files(install.Packaged(), nil, docs) {
		want[f.Path] = fmt.Sprint(f.Mode, " ", orRoot(f.Owner), "/", orRoot(f.Group))
	}
	for name, command := range map[string][]string{
		debOf(before): {"dpkg-deb", "-c"},
		rpmOf(before): {"rpm", "-qlvp"},
	} {
		out, err := exec.Command(rig.NeedTool(t, command[0]), append(command[1:], filepath.Join(os.Getenv(envPackages), name))...).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := listing(string(out))
		for _, path := range slices.Sorted(maps.Keys(want)) {
			if got[path] != want[path] {
				t.Errorf("%s: %s is %q, want %q", name, path, got[path], want[path])
			}
		}
		for path, mode := range got {
			_, known := want[path]
			if between := strings.HasPrefix(mode, "drwxr-xr-x root/root"); !known && !between {
				t.Errorf("%s: %s (%s) is not one of ours", name, path, mode)
			}
		}
	}
}

func orRoot(account string) string {
	if account == "" {
		return "root"
	}
	return account
}

// listing reads what dpkg-deb -c and rpm -qlv print: mode and owner by path.
func listing(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		mode, owner, path := f[0], f[1], f[len(f)-1]
		if !strings.Contains(owner, "/") { // rpm: links, user, group
			owner = f[2] + "/" + f[3]
		}
		path = strings.TrimSuffix(strings.TrimPrefix(path, "."), "/")
		out[path] = strings.TrimSpace(mode) + " " + owner
	}
	return out
}

// rpmLife is the package for RHEL, with RHEL's package manager, on a machine that
// has nothing of Tocsin.
func (w *world) rpmLife() {
	m := w.machines[2]
	for _, version := range []string{before, after} {
		m.copyIn(rpmOf(version))
	}
	m.do("rpm -i --nodeps /root/" + rpmOf(before))
	m.do("rpm -V --nodeps tocsin")
	m.do("tocsin install")
	pid := m.property("MainPID")
	m.do("rpm -U --nodeps /root/" + rpmOf(after))
	if now := m.property("MainPID"); now == pid || m.property("ActiveState") != "active" {
		w.t.Errorf("the upgrade by rpm did not restart the node: process %s, %s", now, m.property("ActiveState"))
	}
	if st, err := m.status(); err != nil || st.Build.Version != after {
		w.t.Errorf("after the upgrade by rpm it is %q: %v", st.Build.Version, err)
	}
	m.do("rpm -e --nodeps tocsin")
	m.do("test ! -e /usr/bin/tocsin && test -s /var/lib/tocsin/state.db")
	if out, _ := m.try("systemctl is-active tocsin"); strings.TrimSpace(out) == "active" {
		w.t.Error("the node runs on after rpm -e")
	}
}

// TestReadmeHasTheseLines: what the README tells people to type is what the
// machines were made with.
func TestReadmeHasTheseLines(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{installLine, "systemctl reload tocsin", "tocsin uninstall", "tocsin status"} {
		if !strings.Contains(string(text), "\n    "+line) {
			t.Errorf("the README does not say %q", line)
		}
	}
}
