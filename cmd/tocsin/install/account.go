package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
)

// accountStep brings the user and the group about that a node runs as.
type accountStep struct {
	// sysusers is the path of the description for systemd-sysusers.
	sysusers string
}

func (s accountStep) String() string { return "user and group " + Account }

// Done implements Step.
func (s accountStep) Done(ctx context.Context, m *Machine) (bool, error) {
	_, _, err := m.ids(Account, Account)
	if errors.Is(err, errNoAccount) {
		return false, nil
	}
	return err == nil, err
}

// Do implements Step. Where systemd-sysusers is not there, shadow's programs are.
func (s accountStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	if m.has(ctx, "systemd-sysusers") {
		args := []string{path.Base(s.sysusers)} // it looks in its folders
		if m.Root != "" {
			args = append(args, "--root="+m.Root)
		}
		_, err := m.run(ctx, "systemd-sysusers", args...)
		return s.undo(m), err
	}
	var root []string
	if m.Root != "" {
		root = []string{"--root", m.Root}
	}
	if _, err := m.lookUp("/etc/group", Account); errors.Is(err, errNoAccount) {
		if _, err := m.run(ctx, "groupadd", append(root, "--system", Account)...); err != nil {
			return nil, err
		}
	}
	_, err := m.run(ctx, "useradd", append(root, "--system", "--gid", Account, "--home-dir", DataDir, "--no-create-home",
		"--shell", "/usr/sbin/nologin", "--comment", "Tocsin", Account)...)
	return s.undo(m), err
}

func (s accountStep) undo(m *Machine) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := os.Stat(m.at(DataDir)); err == nil {
			return fmt.Errorf("%w, which belongs to this account: %s", errKept, DataDir)
		}
		return removeAccount(ctx, m)
	}
}

// removeAccount removes the user, and the group if that is still there.
func removeAccount(ctx context.Context, m *Machine) error {
	var root []string
	if m.Root != "" {
		root = []string{"--root", m.Root}
	}
	for _, c := range []struct{ file, program string }{{"/etc/passwd", "userdel"}, {"/etc/group", "groupdel"}} {
		if _, err := m.lookUp(c.file, Account); errors.Is(err, errNoAccount) {
			continue
		}
		if _, err := m.run(ctx, c.program, append(root, Account)...); err != nil {
			return err
		}
	}
	return nil
}
