package cluster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tocsin/cluster/rpc"
	"tocsin/fsm/model"
)

// Objection is a voter's refusal of what it was asked about.
type Objection struct {
	Node model.NodeID
	Name string
	Text string
}

// askTime bounds asking the voters. One that does not answer within it counts
// as not there.
const askTime = 5 * time.Second

// AskVoters asks every other voter that gossip sees whether it could go along
// with body, by its Options.Question, and returns the objections, by name. A
// voter that cannot be reached or does not answer has none: what it is asked
// about must not wait for a node that is gone.
func (n *Node) AskVoters(ctx context.Context, body []byte) []Objection {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	voters := n.voterIDs()
	var (
		mu  sync.Mutex // guards out
		out []Objection
		wg  sync.WaitGroup
	)
	for _, m := range n.members() {
		if !m.Alive || m.Self || m.Raft == "" || !slices.Contains(voters, m.ID) {
			continue
		}
		wg.Go(func() {
			_, err := n.client.Call(ctx, m.Raft, kindQuestion, body)
			var refusal *rpc.Refusal
			switch {
			case errors.As(err, &refusal):
				mu.Lock()
				defer mu.Unlock()
				out = append(out, Objection{Node: m.ID, Name: m.Name, Text: refusal.Text})
			case err != nil:
				n.log.Warn("a voter could not be asked", "node", m.Name, "err", err)
			}
		})
	}
	wg.Wait()
	slices.SortFunc(out, func(a, b Objection) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// takeQuestion answers another node's AskVoters.
func (n *Node) takeQuestion(ctx context.Context, body []byte) error {
	if n.opts.Question == nil {
		return nil
	}
	if err := n.opts.Question(ctx, body); err != nil {
		return refuse("%v", err)
	}
	return nil
}
