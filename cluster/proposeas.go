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
// without a name is the program by itself: then there is no row.
//
// Errors are those of Propose. Without a quorum nothing is changed, and
// nothing told.
func (n *Node) ProposeAs(ctx context.Context, who model.Actor, cmds ...command.Command) ([]command.Result, error) {
	if who.Name == "" {
		return n.proposeUnsigned(ctx, cmds)
	}
	signed := make([]command.Command, len(cmds))
	for i, c := range cmds {
		var token model.Token
		rand.Read(token[:]) // never fails
		signed[i] = command.SignedBy(who, n.id, token, c)
	}
	return n.Propose(ctx, signed...)
}

// proposeUnsigned proposes what is in the wrappings.
func (n *Node) proposeUnsigned(ctx context.Context, cmds []command.Command) ([]command.Result, error) {
	results := make([]command.Result, len(cmds))
	var plain []command.Command
	var places []int
	for i, c := range cmds {
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
