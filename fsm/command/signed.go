package command

import (
	"fmt"

	"tocsin/fsm/model"
)

// Signed is a change made by a person: the change, and the row of the audit that
// tells of it. All that the row says was decided by the proposer, so that every
// program writes the same.
type Signed struct {
	Who model.Actor
	// Node is the one that took the request.
	Node model.NodeID
	// Token names the proposal: a repeated one makes no second row.
	Token model.Token
	// Action is noun and verb, Target what it is done to, Detail more for people.
	// Describe has them for a bare command. None may hold a secret.
	Action, Target, Detail string
	// Command is the change; nil only notes what was done by other means.
	Command Command
}

// Note tells the audit of what was done by other means than a command.
func Note(action, target, detail string) Signed {
	return Signed{Action: action, Target: target, Detail: detail}
}

// As gives a command the words that the audit is to have for it.
func As(c Command, action, target, detail string) Signed {
	return Signed{Action: action, Target: target, Detail: detail, Command: c}
}

// Kind is KindSigned.
func (Signed) Kind() Kind { return KindSigned }

// WriteWire writes c as a message.
func (c Signed) WriteWire(w *model.WireWriter) {
	w.Message(1, c.Who.WriteWire)
	w.Text(2, string(c.Node))
	w.Token(3, c.Token)
	w.Text(4, c.Action)
	w.Text(5, c.Target)
	w.Text(6, c.Detail)
	if c.Command != nil {
		writeCommand(w, 7, c.Command)
	}
}

func readSigned(r *model.WireReader) Command {
	var c Signed
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(c.Who.ReadWire)
		case 2:
			c.Node = model.NodeID(r.Text())
		case 3:
			c.Token = r.Token()
		case 4:
			c.Action = r.Text()
		case 5:
			c.Target = r.Text()
		case 6:
			c.Detail = r.Text()
		case 7:
			c.Command = readCommand(r, readPlain)
		default:
			r.Unknown()
		}
	}
	return c
}

func (c Signed) check() error {
	if c.Token.IsZero() {
		return errNoToken
	}
	if c.Action == "" {
		return fmt.Errorf("no action: %w", ErrInvalid)
	}
	for _, f := range []struct {
		what string
		n    int
		max  int
	}{
		{"actor", len(c.Who.Name) + len(c.Who.Address), model.MaxActorBytes},
		{"action", len(c.Action), model.MaxActionBytes},
		{"target", len(c.Target), model.MaxTargetBytes},
		{"detail", len(c.Detail), model.MaxDetailBytes},
	} {
		if f.n > f.max {
			return fmt.Errorf("%s of %d bytes: %w", f.what, f.n, ErrLimit)
		}
	}
	if err := name("node", string(c.Node), true); err != nil {
		return err
	}
	switch in := c.Command.(type) {
	case nil:
		return nil
	case Signed:
		return fmt.Errorf("signed twice: %w", ErrInvalid)
	default:
		return in.check()
	}
}
