package rig

import (
	"fmt"
	"testing"
	"time"
)

// StatusPath is where our admin API tells a State.
const StatusPath = "/api/tocsin/v1/status"

// State is what our admin API tells of a node's part in the cluster.
type State struct {
	Node struct {
		ID      string `json:"id"`
		Applied uint64 `json:"applied_index"`
		Hash    string `json:"state_hash"`
	} `json:"node"`
	Cluster struct {
		Leader *struct {
			ID string `json:"id"`
		} `json:"leader"`
		Quorum struct {
			Voters int `json:"voters"`
		} `json:"quorum"`
	} `json:"cluster"`
}

func (c *Client) state() (State, error) {
	var out State
	err := c.fetch(StatusPath, &out)
	return out, err
}

// AwaitVoters waits until all running nodes count want voters and know who
// leads. Before that the loss of a node may be the loss of the quorum.
func (c *Cluster) AwaitVoters(t testing.TB, want int, limit time.Duration) {
	t.Helper()
	ok := Eventually(limit, 50*time.Millisecond, func() bool {
		for _, n := range c.Running() {
			st, err := n.state()
			if err != nil || st.Cluster.Leader == nil || st.Cluster.Quorum.Voters != want {
				return false
			}
		}
		return true
	})
	if !ok {
		t.Fatalf("not all nodes count %d voters within %v", want, limit)
	}
}

// AwaitAgreement waits until all running nodes have applied the same entries,
// and checks that all have the same state then.
func (c *Cluster) AwaitAgreement(t testing.TB, limit time.Duration) {
	t.Helper()
	var seen string
	ok := Eventually(limit, 50*time.Millisecond, func() bool {
		seen = ""
		byIndex, nodes := map[uint64]string{}, c.Running()
		for _, n := range nodes {
			st, err := n.state()
			if err != nil {
				seen += fmt.Sprintf(" %s: %v;", n.Name, err)
				return false
			}
			seen += fmt.Sprintf(" %s: %s at %d;", n.Name, st.Node.Hash, st.Node.Applied)
			if other, had := byIndex[st.Node.Applied]; had && other != st.Node.Hash {
				t.Fatalf("the nodes have applied the same entries and differ:%s", seen)
			}
			byIndex[st.Node.Applied] = st.Node.Hash
		}
		return len(byIndex) == 1
	})
	if !ok {
		t.Errorf("the nodes are not at one within %v:%s", limit, seen)
	}
}
