package machines_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
)

const (
	// envInside is set in the process that runs in its own namespaces.
	envInside = "TOCSIN_MACHINES_INSIDE"
	// envPackages is the folder with the packages that the tests install.
	envPackages = "TOCSIN_MACHINES_PACKAGES"
	// envImage is the root folder that all machines start from.
	envImage     = "TOCSIN_MACHINE_IMAGE"
	defaultImage = "/var/cache/tocsin-test/machine"
)

// The versions that are installed, one after the other.
const (
	before = "0.9.0"
	after  = "0.9.1"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	switch {
	case os.Getenv(envInside) != "":
		if err := lonely(); err != nil {
			fmt.Fprintln(os.Stderr, "refusing to run:", err)
			return 1
		}
		return m.Run()
	case os.Geteuid() != 0:
		return m.Run() // every test says that it needs root
	}
	if _, err := os.Stat(image()); err != nil {
		return m.Run() // every test says what it needs
	}
	dir, err := packages() // made where the module's files can be reached
	defer os.RemoveAll(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "make the packages:", err)
		return 1
	}
	return inside(dir)
}

func image() string {
	if dir := os.Getenv(envImage); dir != "" {
		return dir
	}
	return defaultImage
}

// packages makes the packages of two versions.
func packages() (string, error) {
	dir, err := os.MkdirTemp("", "tocsin-packages-")
	if err != nil {
		return dir, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	for _, version := range []string{before, after} {
		flags := "-s -w -X github.com/prometheus/common/version.Version=" + version
		binary := filepath.Join(dir, "tocsin-"+version)
		for _, args := range [][]string{
			{"build", "-trimpath", "-ldflags", flags, "-o", binary, "tocsin/cmd/tocsin"},
			{"run", "-ldflags", flags, "tocsin/cmd/tocsin/install/pack", "-binary", binary, "-version", version, "-out", dir},
		} {
			cmd := exec.CommandContext(ctx, "go", args...)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				return dir, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
			}
		}
	}
	return dir, nil
}

// lonely reports why this network namespace is not one for the tests.
func lonely() error {
	out, err := exec.Command("ip", "route", "show", "default").CombinedOutput()
	switch {
	case err != nil:
		return fmt.Errorf("ip route show default: %w: %s", err, out)
	case len(strings.TrimSpace(string(out))) > 0:
		return fmt.Errorf("this network leads somewhere: %s", out)
	default:
		return nil
	}
}

// inside runs this program again in namespaces of its own; with the first
// process of the process namespace the machines end, too.
func inside(packages string) int {
	script := `mount -t tmpfs tmpfs /run; mkdir /run/netns; ip link set lo up; "$0" "$@"`
	cmd := exec.Command("unshare", append([]string{
		"--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", script, os.Args[0],
	}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), envInside+"=1", envPackages+"="+packages)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "make namespaces for the tests:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// need skips, or where everything is required fails, if this is no place for
// machines.
func need(t *testing.T) {
	t.Helper()
	rig.NeedRoot(t)
	for _, tool := range []string{"systemd-nspawn", "nsenter", "ip"} {
		rig.NeedTool(t, tool)
	}
	_, err := os.Stat(image())
	rig.Need(t, err == nil, "there is no "+image()+": testdata/setup.sh makes it")
}
