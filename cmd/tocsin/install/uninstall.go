package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Removal says what an uninstall takes away besides the program's own files.
type Removal struct {
	// Purge also removes what people wrote and what the node remembers, and the
	// account.
	Purge bool
}

// Unmake plans an uninstall. A package's files are left to the package.
func Unmake(r Removal, f Facts, docs []Doc) Plan {
	p := Plan{}
	if f.Live {
		p.Steps = append(p.Steps, stopStep{})
	}
	if f.Firewall != NoFirewall {
		ips, _ := others(peersOf(clusterFlags(f.Env)), f)
		p.Steps = append(p.Steps, noFirewallStep{firewallStep{f.Firewall, ips}})
	}
	if !f.Layout.Packaged {
		p.removeFiles(f.Layout, docs)
	}
	if f.Live && !f.Layout.Packaged {
		p.Steps = append(p.Steps, forgetStep{})
	}
	switch {
	case r.Purge:
		p.Steps = append(p.Steps,
			goneStep{What: "configuration folder", Path: ConfigDir, all: true},
			goneStep{What: "data folder", Path: DataDir, all: true},
			goneStep{What: "log folder", Path: "/var/log/tocsin", all: true},
			noAccountStep{})
	default:
		p.Notes = append(p.Notes, fmt.Sprintf("%s, %s and the user %s stay; --purge removes them, too", ConfigDir, DataDir, Account))
	}
	if f.Layout.Packaged {
		p.Notes = append(p.Notes, "the program belongs to a package: remove that with `apt-get remove tocsin` or `dnf remove tocsin`")
	}
	p.Notes = append(p.Notes, "the other nodes count this one as dead until `tocsin raft remove-peer NAME` on one of them")
	return p
}

func (p *Plan) removeFiles(l Layout, docs []Doc) {
	pages := bundle{text: "no manual pages and shell completion below " + l.share}
	for _, x := range Files(l, nil, docs) {
		switch gone := (goneStep{What: x.What, Path: x.Path}); {
		case x.Theirs:
		case x.doc:
			pages.steps = append(pages.steps, gone)
		default:
			p.Steps = append(p.Steps, gone)
		}
	}
	p.Steps = append(p.Steps, pages)
}

// stopStep stops the service for good.
type stopStep struct{}

func (stopStep) String() string { return Unit + " is stopped, and not started with the machine" }

// Done implements Step.
func (stopStep) Done(ctx context.Context, m *Machine) (bool, error) {
	active, _ := m.run(ctx, "systemctl", "is-active", Unit) // a "no" is an error, too
	enabled, _ := m.run(ctx, "systemctl", "is-enabled", Unit)
	return strings.TrimSpace(active) != "active" && strings.TrimSpace(enabled) != "enabled", nil
}

// Do implements Step.
func (stopStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	_, err := m.run(ctx, "systemctl", "disable", "--now", Unit)
	return func(ctx context.Context) error {
		_, err := m.run(ctx, "systemctl", "enable", "--now", Unit)
		return err
	}, err
}

// forgetStep has systemd know that the unit file is gone.
type forgetStep struct{}

func (forgetStep) String() string { return "systemd does not know " + Unit }

// Done implements Step.
func (forgetStep) Done(ctx context.Context, m *Machine) (bool, error) {
	out, err := m.run(ctx, "systemctl", "show", "-p", "LoadState", Unit)
	return strings.Contains(out, "=not-found"), err
}

// Do implements Step.
func (forgetStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	reload := func(ctx context.Context) error {
		_, err := m.run(ctx, "systemctl", "daemon-reload")
		return err
	}
	m.after = append(m.after, reload)
	return nil, reload(ctx)
}

// goneStep removes a file, or a folder with all that is in it.
type goneStep struct {
	What, Path string
	// all: it is a folder, and goes with what is in it. That cannot be taken
	// back.
	all bool
}

func (s goneStep) String() string {
	if s.all {
		return fmt.Sprintf("no %s %s, nor anything in it", s.What, s.Path)
	}
	return fmt.Sprintf("no %s %s", s.What, s.Path)
}

// Done implements Step.
func (s goneStep) Done(_ context.Context, m *Machine) (bool, error) {
	_, err := os.Lstat(m.at(s.Path))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// Do implements Step.
func (s goneStep) Do(_ context.Context, m *Machine) (func(context.Context) error, error) {
	path := m.at(s.Path)
	if s.all {
		return nil, os.RemoveAll(path)
	}
	before, err := remember(path)
	if err != nil {
		return nil, err
	}
	return func(context.Context) error { return before.restore(path) }, os.Remove(path)
}

// noAccountStep removes the user and the group.
type noAccountStep struct{}

func (noAccountStep) String() string { return "no user and group " + Account }

// Done implements Step.
func (noAccountStep) Done(_ context.Context, m *Machine) (bool, error) {
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		if _, err := m.lookUp(file, Account); err == nil {
			return false, nil
		} else if !errors.Is(err, errNoAccount) {
			return false, err
		}
	}
	return true, nil
}

// Do implements Step.
func (noAccountStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	return nil, removeAccount(ctx, m)
}
