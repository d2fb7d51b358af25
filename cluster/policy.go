package cluster

import (
	"encoding/json"

	"tocsin/fsm/model"
)

// joinPolicy says who may join.
type joinPolicy struct {
	// Closed: with a join token only.
	Closed bool `json:"closed"`
}

func (p joinPolicy) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// isClosed reports whether nodes need a token to join. What cannot be read is
// closed.
func (n *Node) isClosed() bool {
	r, ok := n.opts.Machine.View().Record(model.RecordPolicy, recordJoin)
	if !ok {
		return n.opts.Security.JoinToken != nil
	}
	var p joinPolicy
	return json.Unmarshal(r.Body, &p) != nil || p.Closed
}
