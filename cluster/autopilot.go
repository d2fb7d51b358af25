package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/rpc"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// Autopilot says how the cluster tends its members by itself. Giving votes to
// nodes that have caught up is no part of it: that is always done.
type Autopilot struct {
	// Cleanup removes members that are gone. It is off by default: a node that
	// was removed has to be started with an empty data folder.
	Cleanup bool `json:"cleanup_dead_servers"`
	// DeadAfterSeconds is how long a member must be gone.
	DeadAfterSeconds int64 `json:"dead_after_seconds"`
	// MinQuorum is how many voters must be left.
	MinQuorum int `json:"min_quorum"`
}

// The default and the bounds of Autopilot.
const (
	autopilotRecord  = "settings"
	defaultDeadAfter = 24 * time.Hour
	shortestDead     = 10 * time.Minute
	defaultMinQuorum = 3
	cleanupInterval  = 5 * time.Second
)

// ErrAutopilot says that settings of the autopilot make no sense.
var ErrAutopilot = errors.New("bad autopilot settings")

// AutopilotOf are the settings of a state.
func AutopilotOf(v *fsm.View) Autopilot {
	a := Autopilot{DeadAfterSeconds: int64(defaultDeadAfter / time.Second), MinQuorum: defaultMinQuorum}
	if r, ok := v.Record(model.RecordAutopilot, autopilotRecord); ok {
		_ = json.Unmarshal(r.Body, &a) // the defaults stay where it cannot be read
	}
	return a
}

// Autopilot are the settings as this node knows them.
func (n *Node) Autopilot() Autopilot { return AutopilotOf(n.opts.Machine.View()) }

// SetAutopilot changes the settings, in the name of who. Errors: ErrAutopilot,
// those of Propose.
func (n *Node) SetAutopilot(ctx context.Context, who model.Actor, a Autopilot) error {
	switch {
	case a.DeadAfterSeconds < int64(shortestDead/time.Second) || a.DeadAfterSeconds > 366*24*3600:
		return fmt.Errorf("%w: a member must be gone for 10 minutes at least, and a year at most, before it is removed", ErrAutopilot)
	case a.MinQuorum < 1 || a.MinQuorum > 99:
		return fmt.Errorf("%w: the least number of voters must be from 1 to 99", ErrAutopilot)
	}
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	put := command.PutRecord{Record: model.RecordAutopilot, Name: autopilotRecord, BaseRev: model.AnyRev, Body: body}
	rs, err := n.ProposeAs(ctx, who, command.As(put, "autopilot.set", autopilotRecord, string(body)))
	if err == nil && !rs[0].Done() {
		err = rejection(rs[0])
	}
	return err
}

// runCleanup removes members that have been gone for long, if that is wanted.
// How long they are gone this leader knows only since it leads, so a change of
// leaders begins anew.
func (l *leadership) runCleanup() {
	gone := make(map[raft.ServerID]time.Time)
	for sleep(l.ctx, cleanupInterval) {
		a := l.n.Autopilot()
		cfg, _ := l.e.configuration()
		alive := l.noteGone(cfg, gone)
		if !a.Cleanup {
			continue
		}
		for _, s := range cfg.Servers {
			since, dead := gone[s.ID]
			if !dead || time.Since(since) < time.Duration(a.DeadAfterSeconds)*time.Second {
				continue
			}
			if why := l.mayCleanUp(cfg, s, a, alive); why != "" {
				l.n.log.Debug("a dead member stays", "node", s.ID, "why", why)
				continue
			}
			l.cleanUp(s, since)
			break // one at a time: the next look is at what is left
		}
	}
}

// noteGone takes down who is gone, and returns those that are there.
func (l *leadership) noteGone(cfg raft.Configuration, gone map[raft.ServerID]time.Time) (alive []raft.Server) {
	for _, s := range cfg.Servers {
		if m, ok := l.n.member(model.NodeID(s.ID)); s.ID == l.e.id || ok && m.Alive {
			delete(gone, s.ID)
			alive = append(alive, s)
		} else if _, known := gone[s.ID]; !known {
			gone[s.ID] = time.Now()
		}
	}
	return alive
}

// mayCleanUp says why a dead member must stay, "" if it need not: too few voters
// would be left, those that are there would be no quorum, or somebody is catching
// up, with a snapshot perhaps, and may count on it.
func (l *leadership) mayCleanUp(cfg raft.Configuration, s raft.Server, a Autopilot, alive []raft.Server) string {
	voters, there := 0, 0
	for _, o := range cfg.Servers {
		if o.Suffrage == raft.Voter && o.ID != s.ID {
			voters++
		}
	}
	for _, o := range alive {
		if o.Suffrage == raft.Voter {
			there++
		}
		if o.ID != l.e.id && !l.caughtUp(o) {
			return fmt.Sprintf("node %s is catching up", o.ID)
		}
	}
	switch {
	case s.Suffrage == raft.Voter && voters < a.MinQuorum:
		return fmt.Sprintf("%d voters would be left, and %d are wanted", voters, a.MinQuorum)
	case there <= voters/2:
		return "those that are there would be no quorum"
	}
	return ""
}

func (l *leadership) cleanUp(s raft.Server, since time.Time) {
	l.n.membership.Lock()
	defer l.n.membership.Unlock()
	ctx, cancel := context.WithTimeout(l.ctx, flightTime)
	defer cancel()
	err := l.remove(ctx, s.ID)
	var refusal *rpc.Refusal
	if err != nil && !errors.As(err, &refusal) || l.ctx.Err() != nil {
		return
	}
	if err != nil {
		l.n.log.Warn("removing a dead member failed; it will be tried again", "node", s.ID, "err", err)
		return
	}
	l.n.log.Warn("the autopilot removed a member that was gone; to let it come back, start it with an empty data folder",
		"node", s.ID, "address", s.Address, "gone_for", time.Since(since).Round(time.Second))
}
