package cluster

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/gossip"
	"tocsin/fsm/model"
)

// Promotion of a node that follows without a vote. It gets its vote when it has
// answered twice in a row, at the address that it is to vote from, that it has
// all but the last few entries: a mistyped address never counts as a voter.
const (
	promoteInterval = 150 * time.Millisecond
	promoteLag      = 100
	promoteChecks   = 2
	progressTime    = time.Second
)

// progress is a node's answer to how far it is.
type progress struct {
	LastIndex uint64 `json:"last_index"`
	Applied   uint64 `json:"applied"`
	Storage   string `json:"storage,omitempty"` // what is wrong with it

	Node model.NodeID `json:"node"`
	Keys nodeKeys     `json:"keys"`
}

// runPromote gives votes to those that have caught up.
func (l *leadership) runPromote() {
	checks := make(map[raft.ServerID]int)
	for sleep(l.ctx, promoteInterval) {
		cfg, index := l.e.configuration()
		for _, s := range cfg.Servers {
			if s.Suffrage == raft.Voter || !l.wantsVote(s) {
				delete(checks, s.ID)
				continue
			}
			if !l.caughtUp(s) {
				checks[s.ID] = 0
				continue
			}
			if checks[s.ID]++; checks[s.ID] >= promoteChecks {
				l.promote(s, index)
				break // the index has changed
			}
		}
	}
}

func (l *leadership) wantsVote(s raft.Server) bool {
	m, ok := l.n.member(model.NodeID(s.ID))
	return ok && m.Alive && !l.n.voteless()[m.ID] && m.Is(gossip.FlagVoter) && !m.Is(gossip.FlagStorageFailed) && !m.Is(gossip.FlagDraining)
}

func (l *leadership) caughtUp(s raft.Server) bool {
	ctx, cancel := context.WithTimeout(l.ctx, progressTime)
	defer cancel()
	b, err := l.n.client.Call(ctx, string(s.Address), kindProgress, nil)
	if err != nil {
		return false
	}
	var p progress
	if err := json.Unmarshal(b, &p); err != nil {
		return false
	}
	return p.Storage == "" && p.LastIndex+promoteLag >= l.e.raft.LastIndex() && p.LastIndex > 0
}

func (l *leadership) promote(s raft.Server, index uint64) {
	err := l.e.await(l.ctx, func() raft.Future {
		return l.e.raft.AddVoter(s.ID, s.Address, index, enqueueTime)
	})
	if err != nil {
		if l.ctx.Err() == nil {
			l.n.log.Warn("giving a node its vote failed", "node", s.ID, "err", err)
		}
		return
	}
	l.n.log.Info("node has caught up and votes from now on", "node", s.ID, "address", s.Address)
}
