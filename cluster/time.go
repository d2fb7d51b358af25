package cluster

import (
	"time"

	"tocsin/cluster/clock"
	"tocsin/fsm/model"
)

// The times of the clocks.
const (
	// settleTime bounds how long a starting node waits for the others' clocks.
	settleTime = 2 * time.Second
	// skewSaid is from where on a clock that is off is worth a line in the log,
	// skewSaidEvery how often it is said while it lasts.
	skewSaid      = time.Second
	skewSaidEvery = 10 * time.Minute
)

// Now is the wall clock to go by: this machine's, unless most of the others'
// contradict it.
func (n *Node) Now() time.Time { return n.clock.Now() }

// ClockSettled is closed when the other nodes' clocks have been asked once, as
// far as there are any, or two seconds after Run has begun. Before that this
// machine's clock may be wrong without this node's knowing it.
func (n *Node) ClockSettled() <-chan struct{} { return n.clockSettled }

// judgeClocks compares the voters' clocks; a node that is in no cluster yet
// compares those of all that it sees.
func (n *Node) judgeClocks() clock.Verdict {
	voters := n.voterIDs()
	is := make(map[model.NodeID]bool, len(voters))
	for _, id := range voters {
		is[id] = true
	}
	return n.clock.Judge(len(voters), func(id model.NodeID) bool { return len(voters) == 0 || is[id] })
}

// skewLog says when this machine's clock is off, and when it is not any more.
type skewLog struct {
	said      bool
	corrected bool
	at        time.Time
}

func (l *skewLog) see(n *Node, v clock.Verdict) {
	s := n.clock.Standing()
	if v.Corrected != l.corrected {
		l.corrected, l.at = v.Corrected, time.Time{}
		if !v.Corrected {
			n.log.Info("this machine's clock agrees with the other nodes' again and counts from now on")
		}
	}
	off, clocks := s.Skew.Abs() > skewSaid, s.Clocks
	if clocks == 2 && !v.Corrected {
		for _, p := range s.Peers {
			off = off || p.Offset.Abs() > skewSaid
		}
	}
	if !off {
		if l.said {
			n.log.Info("this machine's clock is right again")
		}
		l.said, l.at = false, time.Time{}
		return
	}
	if !l.at.IsZero() && time.Since(l.at) < skewSaidEvery {
		return
	}
	l.said, l.at = true, time.Now()
	l.warn(n, v, s)
}

func (l *skewLog) warn(n *Node, v clock.Verdict, s clock.Standing) {
	switch {
	case v.Corrected:
		n.log.Warn("this machine's clock is wrong by what most nodes' clocks say; this node goes by theirs. Set it, and see why it is not kept right (NTP)",
			"ahead_by", s.Skew.Round(time.Millisecond), "clocks", s.Clocks)
	case s.Clocks == 2:
		for id, p := range s.Peers {
			n.log.Warn("this node's clock and another's differ, and there is no third to say which is right",
				"node", id, "it_is_ahead_by", p.Offset.Round(time.Millisecond))
		}
	default:
		n.log.Warn("this machine's clock is off by what most nodes' clocks say; see why it is not kept right (NTP)",
			"ahead_by", s.Skew.Round(time.Millisecond), "clocks", s.Clocks)
	}
}
