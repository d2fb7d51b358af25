package app

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"tocsin/cluster"
)

const (
	// statusEvery is how often systemd is told what the node does, if that has
	// changed.
	statusEvery = time.Second
	// pingsInTime is how often systemd hears of the node in the time after which
	// it takes it for hung: one look may fail.
	pingsInTime = 3
)

// supervisor tells systemd how the node is, as sd_notify(3) has it. Where
// systemd did not ask for it (no NOTIFY_SOCKET) it does nothing.
//
// READY comes when the API answers, also where the node waits for its cluster:
// three machines that start each other's cluster could not start otherwise, one
// after the other. What a node waits for is in the status text.
type supervisor struct {
	logger *slog.Logger
	end    context.CancelFunc
	work   sync.WaitGroup
}

func newSupervisor(logger *slog.Logger) *supervisor { return &supervisor{logger: logger} }

// tell sends one message of sd_notify.
func (s *supervisor) tell(message string) {
	if _, err := daemon.SdNotify(false, message); err != nil {
		s.logger.Warn("could not tell systemd", "message", message, "err", err)
	}
}

// ready says that the node serves, and goes on telling how it is until stopping.
func (s *supervisor) ready(n *Node) {
	told := s.doing(n)
	s.tell(daemon.SdNotifyReady + "\nSTATUS=" + told)
	ctx, cancel := context.WithCancel(context.Background())
	s.end = cancel
	s.work.Go(func() { s.keepStatus(ctx, n, told) })
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.logger.Warn("systemd's watchdog is not fed", "err", err)
	}
	if interval > 0 {
		s.work.Go(func() { s.feedWatchdog(ctx, n, interval/pingsInTime) })
	}
}

// reload says that the configuration is read again, does it, and says what came
// of it.
func (s *supervisor) reload(do func() error) {
	s.tell(daemon.SdNotifyReloading + "\nSTATUS=reads its configuration again")
	status := ""
	if do() != nil {
		status = "\nSTATUS=the configuration file was refused, see the log; the one before is active"
	}
	s.tell(daemon.SdNotifyReady + status)
}

// stopping says that the node ends, and ends what ready began.
func (s *supervisor) stopping() {
	s.tell(daemon.SdNotifyStopping + "\nSTATUS=hands its work over to the other nodes")
	if s.end != nil {
		s.end()
	}
	s.work.Wait()
}

func (s *supervisor) keepStatus(ctx context.Context, n *Node, told string) {
	for tick := time.NewTicker(statusEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		if now := s.doing(n); now != told {
			told = now
			s.tell("STATUS=" + now)
		}
	}
}

// doing is what the node does, in a sentence.
func (s *supervisor) doing(n *Node) string {
	st := n.cluster.Status()
	q := st.Quorum
	switch {
	case st.Storage != nil:
		return fmt.Sprintf("pages without the cluster: its disk failed: %v", st.Storage)
	case st.Waiting != "":
		return "waits for " + st.Waiting
	case !n.opts.Settings.Clustered():
		return "serves alone"
	case !q.Held:
		return fmt.Sprintf("has no quorum: %d of %d voters in sight", q.Reachable, q.Voters)
	}
	role := "serves"
	if st.State == cluster.StateLeader {
		role = "leads"
	}
	return fmt.Sprintf("%s: %d of %d voters in sight", role, q.Reachable, q.Voters)
}

// feedWatchdog pings systemd as long as the node lives. A look that hangs, pings
// no more.
func (s *supervisor) feedWatchdog(ctx context.Context, n *Node, every time.Duration) {
	for tick := time.NewTicker(every); ; {
		if err := n.alive(ctx); err == nil {
			s.tell(daemon.SdNotifyWatchdog)
		} else if ctx.Err() == nil {
			s.logger.Error("the node does not answer itself: systemd will restart it if that lasts", "err", err)
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}
