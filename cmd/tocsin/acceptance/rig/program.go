package rig

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The environment that says which server is tested. With neither, the server is
// built from this module.
const (
	// EnvBinary is the path of a tocsin binary that was built already.
	EnvBinary = "TOCSIN_BINARY"
	// EnvArgv is the command, with its first arguments separated by spaces,
	// that takes Alertmanager's flags: "prometheus-alertmanager", or
	// "bin/tocsin server".
	EnvArgv = "TOCSIN_TEST_ARGV"
	// EnvNotYet, set to 1, runs also what is known not to be built yet.
	EnvNotYet = "TOCSIN_TEST_NOT_YET"
	// EnvRequireAll makes whatever would be skipped fail instead, as CI=true
	// does.
	EnvRequireAll = "TOCSIN_REQUIRE_ALL"
)

// Program is the server under test.
type Program struct {
	// Argv is what stands before the flags.
	Argv []string
	// Oracle: it is an Alertmanager, not ours.
	Oracle bool
	// Minor is the x of an Alertmanager of version 0.x.
	Minor int
}

// Older reports whether it is an Alertmanager older than version 0.minor. Ours
// is never older.
func (p Program) Older(minor int) bool { return p.Oracle && p.Minor < minor }

// Tool is the argv of a sub-command of our binary, such as "version".
func (p Program) Tool(args ...string) []string {
	return append([]string{p.Argv[0]}, args...)
}

// Main is a TestMain: it builds the server unless the environment names one,
// lets enough tests run side by side (they mostly wait), runs them, and returns
// the exit code.
func Main(m *testing.M) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == f.DefValue {
		_ = f.Value.Set("12")
	}
	cleanup, err := Prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare the server under test:", err)
		return 1
	}
	defer cleanup()
	return m.Run()
}

// Prepare sees to it that the environment names a server: it builds ours into a
// temporary folder if need be. The returned function removes the folder.
func Prepare() (func(), error) {
	if os.Getenv(EnvBinary) != "" || os.Getenv(EnvArgv) != "" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "tocsin-test-")
	if err != nil {
		return nil, err
	}
	cleanup := func() { _ = os.RemoveAll(dir) }
	bin := filepath.Join(dir, "tocsin")
	if err := build(bin); err != nil {
		cleanup()
		return nil, err
	}
	return cleanup, os.Setenv(EnvBinary, bin)
}

// build compiles the module's cmd/tocsin, as it is released, without cgo.
func build(to string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", to, "./cmd/tocsin")
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(mod)))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build cmd/tocsin: %w\n%s", err, out)
	}
	return nil
}

// Tested is the server that the environment names. It ends the test if there is
// none.
func Tested(t testing.TB) Program {
	t.Helper()
	p, err := tested()
	if err != nil {
		t.Fatalf("find the server under test: %v", err)
	}
	return p
}

var tested = sync.OnceValues(func() (Program, error) {
	if argv := strings.Fields(os.Getenv(EnvArgv)); len(argv) > 0 {
		return identify(argv)
	}
	if bin := os.Getenv(EnvBinary); bin != "" {
		abs, err := filepath.Abs(bin)
		return Program{Argv: []string{abs, "server"}}, err
	}
	return Program{}, errors.New("neither " + EnvBinary + " nor " + EnvArgv + " is set; TestMain must call Main or Prepare")
})

var versionLine = regexp.MustCompile(`^alertmanager, version 0\.(\d+)`)

// identify asks a command for its version to learn what it is.
func identify(argv []string) (Program, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return Program{}, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return Program{}, err
	}
	p := Program{Argv: append([]string{path}, argv[1:]...)}
	if len(argv) > 1 {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	if err != nil {
		return Program{}, fmt.Errorf("%s --version: %w", path, err)
	}
	if m := versionLine.FindSubmatch(out); m != nil {
		p.Oracle = true
		p.Minor, err = strconv.Atoi(string(m[1]))
	}
	return p, err
}

// Need skips the test, saying why, unless have. Where everything is required
// (CI=true or EnvRequireAll) it fails instead: a silent skip is a hole.
func Need(t testing.TB, have bool, why string) {
	t.Helper()
	switch {
	case have:
	case RequireAll():
		t.Fatalf("cannot run here, and everything is required: %s", why)
	default:
		t.Skipf("cannot run here: %s", why)
	}
}

// RequireAll reports whether nothing may be skipped.
func RequireAll() bool {
	return os.Getenv("CI") == "true" || os.Getenv(EnvRequireAll) == "1"
}

// NeedTool is the path of a program that must be installed, see Need.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, name))
		}
	}
	Need(t, err == nil, name+" is not installed")
	return path
}

// NeedRoot requires that the test runs as root, see Need.
func NeedRoot(t testing.TB) {
	t.Helper()
	Need(t, os.Geteuid() == 0, "this needs root (namespaces, mounts)")
}

// NotYet skips a test of something that the design promises and that is not built
// yet. Such a skip does not count as a hole in what there is.
func NotYet(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(EnvNotYet) != "1" {
		t.Skipf("not built yet: %s", what)
	}
}

// SkipOracle skips what an Alertmanager older than 0.minor does not have, or
// with minor 0 what no Alertmanager does. It never skips for ours.
func SkipOracle(t testing.TB, minor int, what string) {
	t.Helper()
	p := Tested(t)
	switch {
	case !p.Oracle:
	case minor == 0:
		t.Skipf("no Alertmanager does this: %s", what)
	case p.Minor < minor:
		t.Skipf("newer than this Alertmanager 0.%d: %s (0.%d)", p.Minor, what, minor)
	}
}
