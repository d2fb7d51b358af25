package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// enableStep has the service started when the machine starts.
type enableStep struct{}

func (enableStep) String() string { return "start " + Unit + " when the machine starts" }

// Done implements Step.
func (enableStep) Done(ctx context.Context, m *Machine) (bool, error) {
	out, err := m.run(ctx, "systemctl", "is-enabled", Unit)
	return err == nil && strings.TrimSpace(out) == "enabled", nil // a "no" is an error, too
}

// Do implements Step.
func (enableStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	_, err := m.run(ctx, "systemctl", "enable", Unit)
	return func(ctx context.Context) error {
		_, err := m.run(ctx, "systemctl", "disable", Unit)
		return err
	}, err
}

// runStep has the service run with what is on the disk.
type runStep struct {
	// files make a service old that runs since before they changed.
	files []string
}

func (s runStep) String() string { return Unit + " runs, with all of this" }

// Done implements Step.
func (s runStep) Done(ctx context.Context, m *Machine) (bool, error) {
	for _, f := range s.files {
		if m.changed[f] {
			return false, nil
		}
	}
	since, ok := runsSince(ctx, m)
	if !ok {
		return false, nil
	}
	for _, f := range s.files {
		if info, err := os.Stat(m.at(f)); err == nil && info.ModTime().After(since) {
			return false, nil
		}
	}
	return true, nil
}

// Says is what the service tells systemd that it does; empty if it does not run.
func Says(ctx context.Context, m *Machine) string {
	out, err := m.run(ctx, "systemctl", "show", "-p", "StatusText", Unit)
	if err != nil {
		return ""
	}
	_, text, _ := strings.Cut(strings.TrimSpace(out), "=")
	return text
}

// runsSince is when the service's process was started; false if it does not
// run.
func runsSince(ctx context.Context, m *Machine) (time.Time, bool) {
	out, err := m.run(ctx, "systemctl", "show", "-p", "ActiveState,ExecMainStartTimestampMonotonic", Unit)
	if err != nil || !strings.Contains(out, "ActiveState=active") {
		return time.Time{}, false
	}
	_, value, _ := strings.Cut(out, "ExecMainStartTimestampMonotonic=")
	value, _, _ = strings.Cut(value, "\n")
	us, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	var now unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return time.Time{}, false
	}
	return time.Now().Add(time.Duration(us)*time.Microsecond - time.Duration(now.Nano())), true
}

// Do implements Step. systemctl comes back when the node serves.
func (s runStep) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	_, ran := runsSince(ctx, m)
	m.after = append(m.after, func(ctx context.Context) error { return asBefore(ctx, m, ran) })
	if _, err := m.run(ctx, "systemctl", "daemon-reload"); err != nil {
		return nil, err
	}
	if _, err := m.run(ctx, "systemctl", "restart", Unit); err != nil {
		return nil, errors.Join(err, s.lastWords(ctx, m))
	}
	return func(context.Context) error { return nil }, nil // asBefore does
}

// lastWords is what the service said before it failed.
func (s runStep) lastWords(ctx context.Context, m *Machine) error {
	out, err := m.run(ctx, "journalctl", "--no-pager", "-q", "-n", "10", "-o", "cat", "-u", Unit)
	if err != nil || strings.TrimSpace(out) == "" {
		return nil
	}
	return fmt.Errorf("the end of its log (journalctl -u tocsin):\n%s", strings.TrimRight(out, "\n"))
}

// asBefore has the service run again with the files of before, or not at all.
func asBefore(ctx context.Context, m *Machine, ran bool) error {
	if !ran {
		// It may be about to be started again, or not be known any more.
		_, _ = m.run(ctx, "systemctl", "stop", Unit)
		_, _ = m.run(ctx, "systemctl", "reset-failed", Unit)
	}
	_, err := m.run(ctx, "systemctl", "daemon-reload")
	if ran {
		_, rerr := m.run(ctx, "systemctl", "restart", Unit)
		err = errors.Join(err, rerr)
	}
	return err
}
