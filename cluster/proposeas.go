package cluster

import (
	"context"
	"crypto/rand"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// ProposeAs is Propose for changes that somebody asked for: each leaves a row in
// the audit, whatever becomes of it. A command that is wrapped in
// command.As has its own words there; command.Note is only told of. An actor
// without a name is the program by itself: there is no row then. As long as
// some voter runs a program without an audit, the changes are made all the same
// and there is no row.
//
// Errors are those of Propose. Without a quorum nothing is changed, and
// nothing told.
func (n *Node) ProposeAs(ctx context.Context, who model.Actor, cmds ...command.Command) ([]command.Result, error) {
	if who.Name == "" || n.opts.Machine.View().MinVersion() < command.KindSigned.Since() {
		return n.proposeUnsigned(ctx, who, cmds)
	}
	signed := make([]command.Command, len(cmds))
	for i, c := range cmds {
		var token model.Token
		rand.Read(token[:]) // never fails
		signed[i] = command.SignedBy(who, n.id, token, c)
	}
	return n.Propose(ctx, signed...)
}

// proposeUnsigned proposes what is in the wrappings. The log of this node has
// what the audit cannot have.
func (n *Node) proposeUnsigned(ctx context.Context, who model.Actor, cmds []command.Command) ([]command.Result, error) {
	results := make([]command.Result, len(cmds))
	var plain []command.Command
	var places []int
	for i, c := range cmds {
		action, target, _ := command.Describe(c)
		if who.Name != "" {
			n.log.Warn("a change is made without a row in the audit: not all nodes run a version that has one",
				"action", action, "target", target, "who", who.Name, "from", who.Address)
		}
		if s, ok := c.(command.Signed); ok {
			c = s.Command
		}
		results[i] = command.Result{Code: command.CodeOK}
		if c != nil {
			plain, places = append(plain, c), append(places, i)
		}
	}
	got, err := n.Propose(ctx, plain...)
	for i, r := range got {
		results[places[i]] = r
	}
	return results, err
}
