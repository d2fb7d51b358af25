package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
	"tocsin/dispatcher/config"
)

// errNoPlan says that an apply would be refused.
var errNoPlan = errors.New("it cannot be applied")

func newConfigPlan(r *remote) *cobra.Command {
	var p client.Proposal
	cmd := &cobra.Command{
		Use:   "plan [FILE]",
		Short: "Say what a configuration would change for the alerts of this moment",
		Long: "Say what would change if the cluster ran a configuration file now, and change\n" +
			"nothing: the difference, alerts that would go elsewhere, what would be told because\n" +
			"of it, who would not hear the end of what it was told, and whether all nodes can\n" +
			"load it. With --from-rev the same for a rollback.\n\n" +
			"Exit codes: 0 nothing changes, 2 something does, 1 it cannot be applied.",
		Args: between(0, 1, "one configuration file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (p.FromRev != 0) {
				return usagef("give a configuration file or --from-rev, one of them")
			}
			file := ""
			if len(args) == 1 {
				file = args[0]
				if err := bundle(&p, file); err != nil {
					return err
				}
			}
			return r.plan(cmd, p, file)
		},
	}
	cmd.Flags().Uint64Var(&p.FromRev, "from-rev", 0, "Look at this older version instead of a file.")
	return cmd
}

func (r *remote) plan(cmd *cobra.Command, p client.Proposal, file string) error {
	var found client.ConfigPlan
	err := r.call(cmd, func(ctx context.Context, c *client.Client) error {
		done := r.waiting("the nodes are asked whether they can load it")
		defer done()
		var err error
		found, err = c.PlanConfig(ctx, p)
		return err
	})
	if err != nil {
		return err
	}
	if r.output == asJSON {
		if err := printJSON(r.Out, found); err != nil {
			return err
		}
	} else {
		r.printPlan(&found)
	}
	return r.verdict(&found, file)
}

// verdict is the exit code of a plan, with what is in the way of an apply.
func (r *remote) verdict(found *client.ConfigPlan, file string) error {
	say := func(problems []client.Problem, node string) {
		for _, p := range problems {
			p.File = givenName(p.File, file)
			fmt.Fprintf(r.Err, "%s%v\n", node, config.Problem(p))
		}
	}
	say(found.Problems, "")
	for _, o := range found.Objections {
		say(o.Problems, "node "+o.Node+": ")
	}
	switch {
	case len(found.Problems)+len(found.Objections) > 0:
		return fmt.Errorf("%w: mend what is listed", errNoPlan)
	case found.Changes:
		return exitChanges
	}
	return nil
}

func (r *remote) printPlan(p *client.ConfigPlan) {
	r.printDiff(&p.DiffText)
	if !p.Changes {
		if !p.Silent && len(p.Problems) == 0 {
			r.printf("nothing to change: version %d says this already\n", p.Base)
		}
		return
	}
	r.printf("\n")
	for _, list := range []struct {
		what  string
		names []string
	}{
		{"new receivers", p.Receivers.Added},
		{"receivers that go", p.Receivers.Removed},
		{"receivers that are told in another way", p.Receivers.Changed},
	} {
		if len(list.names) > 0 {
			r.printf("%s: %s\n", list.what, strings.Join(list.names, ", "))
		}
	}
	r.printMoves(p)
	r.printTold(p)
	if p.More {
		r.printf("there is more than is shown\n")
	}
}

func (r *remote) printMoves(p *client.ConfigPlan) {
	if len(p.Moves) == 0 {
		r.printf("all %d alerts that fire now go where they went\n", p.Alerts)
		return
	}
	r.printf("of %d alerts that fire now\n", p.Alerts)
	for i := range p.Moves {
		m := &p.Moves[i]
		r.printf("  %d such as %s\n    from %s\n      to %s\n", m.Alerts, labelText(m.Example), placeText(m.From), placeText(m.To))
	}
}

func (r *remote) printTold(p *client.ConfigPlan) {
	if len(p.Notifications) == 0 {
		r.printf("nobody would be told anything because of it\n")
	} else {
		r.printf("told because of it: %d notifications\n", len(p.Notifications))
	}
	for i := range p.Notifications {
		n := &p.Notifications[i]
		r.printf("  %s (%s): %s: %d firing such as %s\n", n.Receiver, n.Integration, n.Reason, n.Firing, labelText(n.Example))
	}
	if len(p.LeftOpen) > 0 {
		r.printf("told that something fires, and not told its end: %d\n", len(p.LeftOpen))
	}
	for i := range p.LeftOpen {
		o := &p.LeftOpen[i]
		r.printf("  %s (%s): %d alerts such as %s\n", o.Receiver, o.Integration, o.Alerts, labelText(o.Example))
	}
}

func placeText(places []client.Place) string {
	if len(places) == 0 {
		return "nowhere"
	}
	texts := make([]string, len(places))
	for i, p := range places {
		texts[i] = p.Receiver + " " + p.Group
		if p.Muted != "" {
			texts[i] += " (muted: " + p.Muted + ")"
		}
	}
	return strings.Join(texts, ", ")
}

func labelText(labels map[string]string) string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s=%q", name, labels[name])
	}
	return "{" + b.String() + "}"
}
