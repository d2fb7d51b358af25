package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// envInside is set in the process that runs in its own namespaces.
const envInside = "TOCSIN_CHAOS_INSIDE"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	cleanup, err := rig.Prepare() // it may need what the namespace has not
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare the server under test:", err)
		return 1
	}
	defer cleanup()
	switch {
	case os.Getenv(envInside) != "":
		if err := lonely(); err != nil {
			fmt.Fprintln(os.Stderr, "refusing to run:", err)
			return 1
		}
		return m.Run()
	case os.Geteuid() != 0:
		return m.Run() // what needs root says so
	default:
		return inside()
	}
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

// inside runs this program again in network and mount namespaces of its own,
// with an empty /run, so that nothing that the tests make can be left behind.
func inside() int {
	script := `mount -t tmpfs tmpfs /run; mkdir /run/netns; ip link set lo up; exec "$0" "$@"`
	cmd := exec.Command("unshare", append([]string{"--net", "--mount", "sh", "-ec", script, os.Args[0]}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), envInside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "make namespaces for the tests:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}
