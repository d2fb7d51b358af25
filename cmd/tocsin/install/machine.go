package install

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Machine is what is installed on: this one, or a folder that is a machine's
// root. Not safe for concurrent use.
type Machine struct {
	// Root is empty for this machine.
	Root string
	// Exec runs a program and gives its output; nil: really. Tests replace it.
	Exec func(ctx context.Context, name string, args ...string) (string, error)

	// changed are the paths that this run has written, or would write.
	changed map[string]bool
	// after is run when all was taken back.
	after []func(context.Context) error
}

// errNoAccount says that a user or group is not there (yet).
var errNoAccount = errors.New("there is no such account")

// at is a path of the machine as this process sees it.
func (m *Machine) at(path string) string { return filepath.Join(m.Root, path) }

// owns reports whether files can be given to others here.
func (m *Machine) owns() bool { return os.Geteuid() == 0 }

func (m *Machine) touch(path string) {
	if m.changed == nil {
		m.changed = map[string]bool{}
	}
	m.changed[path] = true
}

// run runs a program; the error has its output.
func (m *Machine) run(ctx context.Context, name string, args ...string) (string, error) {
	if m.Exec != nil {
		return m.Exec(ctx, name, args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return string(out), err
}

// has reports whether a program is there.
func (m *Machine) has(ctx context.Context, name string) bool {
	_, err := m.run(ctx, "sh", "-c", "command -v "+name)
	return err == nil
}

// ids are the numbers of a user and a group; empty names are root. Error:
// errNoAccount.
func (m *Machine) ids(owner, group string) (uid, gid int, err error) {
	if uid, err = m.lookUp("/etc/passwd", owner); err != nil {
		return 0, 0, err
	}
	gid, err = m.lookUp("/etc/group", group)
	return uid, gid, err
}

// lookUp finds the number that /etc/passwd or /etc/group has for a name.
func (m *Machine) lookUp(file, name string) (int, error) {
	if name == "" {
		return 0, nil
	}
	text, err := os.ReadFile(m.at(file))
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if f := strings.Split(lines.Text(), ":"); len(f) > 2 && f[0] == name {
			return strconv.Atoi(f[2])
		}
	}
	return 0, fmt.Errorf("%w: %s in %s", errNoAccount, name, file)
}
