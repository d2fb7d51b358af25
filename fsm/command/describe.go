package command

import (
	"fmt"
	"strings"

	"tocsin/fsm/model"
)

// Describe has the words of the audit for a bare command. It says nothing that
// may be secret: no body, no text of a configuration.
func Describe(c Command) (action, target, detail string) {
	switch c := c.(type) {
	case Signed:
		return c.Action, c.Target, c.Detail
	case PutSilence:
		action = "silence.change"
		if c.BaseRev == 0 {
			action = "silence.create"
		}
		return action, c.Silence.ID, c.Silence.Comment
	case ExpireSilence:
		return "silence.expire", c.ID, ""
	case PutConfig:
		return "config.apply", fmt.Sprintf("sha256:%x", c.Version.SHA256[:8]), c.Version.Comment
	case PutRecord:
		action = ".change"
		if c.BaseRev == 0 {
			action = ".create"
		}
		return c.Record.String() + action, c.Name, ""
	case DropRecord:
		return c.Record.String() + ".drop", c.Name, ""
	case RemoveNode:
		return "node.forget", string(c.ID), ""
	default:
		return c.Kind().String(), "", ""
	}
}

// SignedBy is a command as its audit has it: who asked, at which node, and a
// token for the proposal. Words that are too long are cut.
func SignedBy(who model.Actor, node model.NodeID, token model.Token, c Command) Signed {
	s := Signed{Command: c}
	if already, ok := c.(Signed); ok {
		s.Command = already.Command
	}
	s.Who, s.Node, s.Token = who, node, token
	s.Action, s.Target, s.Detail = Describe(c)
	s.Who.Name = cut(s.Who.Name, model.MaxActorBytes/2)
	s.Who.Address = cut(s.Who.Address, model.MaxActorBytes/2)
	s.Action = cut(s.Action, model.MaxActionBytes)
	s.Target = cut(s.Target, model.MaxTargetBytes)
	s.Detail = cut(s.Detail, model.MaxDetailBytes)
	return s
}

// cut is s in at most n bytes of whole characters.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
