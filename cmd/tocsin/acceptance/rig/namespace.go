package rig

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// envInside is set in the process that runs in its own namespaces.
const envInside = "TOCSIN_TEST_INSIDE"

// Apart runs a suite that makes networks and mounts: as root in network and
// mount namespaces of its own, by running this program again there, so that
// nothing which the tests make can be left behind or reach the outside. Without
// root the suite runs as it is, and its tests say that they need it. The server
// under test is prepared first: that may need what the namespaces have not. It
// returns the exit code for the process.
func Apart(suite func() int) int {
	cleanup, err := Prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare the server under test:", err)
		return 1
	}
	defer cleanup()
	if os.Geteuid() != 0 {
		return suite()
	}
	if os.Getenv(envInside) == "" {
		return inside()
	}
	if err := lonely(); err != nil {
		fmt.Fprintln(os.Stderr, "refusing to run:", err)
		return 1
	}
	return suite()
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

// inside runs this program again in namespaces of its own, with an empty /run.
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
