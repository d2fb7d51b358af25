package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/httpapi/access"
	"tocsin/httpapi/admin"
)

// propose has the cluster make changes in the name of who asks in ctx: each has
// a row in the audit, unless the program acts by itself.
func (n *Node) propose(ctx context.Context, cmds ...command.Command) ([]command.Result, error) {
	return n.cluster.ProposeAs(ctx, access.Actor(ctx), cmds...)
}

// audit is what people changed, for the API.
type audit struct{ machine *fsm.Machine }

// Audit are rows, newest first.
func (a audit) Audit(q admin.AuditQuery) ([]model.AuditRow, error) {
	return a.machine.Audit(fsm.AuditQuery{
		Who: q.Who, Action: q.Action, Target: q.Target, Since: q.Since, Until: q.Until, Before: q.Before, Limit: q.Limit,
	})
}

// described is the command with what the audit has to say of its silence.
func described(c command.PutSilence) command.Command {
	action, target, _ := command.Describe(c)
	return command.As(c, action, target, silenceText(&c.Silence))
}

func silenceText(s *model.Silence) string {
	sets := make([]string, 0, len(s.MatcherSets))
	for _, set := range s.MatcherSets {
		var matchers []string
		for _, m := range set {
			matchers = append(matchers, m.Name+operator(m.Type)+fmt.Sprintf("%q", m.Value))
		}
		sets = append(sets, "{"+strings.Join(matchers, ", ")+"}")
	}
	text := strings.Join(sets, " or ") + " until " + time.UnixMilli(int64(s.EndsAt)).UTC().Format(time.RFC3339)
	if s.CreatedBy != "" {
		text += ", created by " + s.CreatedBy
	}
	if s.Comment != "" {
		text += ": " + s.Comment
	}
	return text
}

func operator(t model.MatchType) string {
	switch t {
	case model.MatchNotEqual:
		return "!="
	case model.MatchRegexp:
		return "=~"
	case model.MatchNotRegexp:
		return "!~"
	default:
		return "="
	}
}
