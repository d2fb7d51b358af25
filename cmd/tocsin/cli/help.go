package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/docs"
)

// newHelp makes the command that explains the others and shows the pages for
// operators.
func newHelp(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | TOPIC]",
		Short: "Explain a command, or show a page on a topic",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				if err := root.Help(); err != nil {
					return err
				}
				return listTopics(s)
			}
			found, rest, err := root.Find(args)
			if err != nil || found == root || len(rest) > 0 {
				return showTopic(s, args)
			}
			found.InitDefaultHelpFlag()
			if err := found.Help(); err != nil {
				return err
			}
			return alsoTopic(s, args)
		},
		ValidArgsFunction: completeHelp,
	}
}

// showTopic writes a page.
func showTopic(s Streams, args []string) error {
	page, err := docs.Find(strings.Join(args, "-"))
	if err != nil {
		return usagef("there is no command and no topic %q: `tocsin help` lists them", strings.Join(args, " "))
	}
	_, err = fmt.Fprint(s.Out, page.Text)
	return err
}

// alsoTopic writes the page that has the name of a command, if there is one.
func alsoTopic(s Streams, args []string) error {
	page, err := docs.Find(strings.Join(args, "-"))
	if errors.Is(err, docs.ErrNoTopic) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "\n%s", page.Text)
	return err
}

func listTopics(s Streams) error {
	topics, err := docs.Topics()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "\nTopics, shown by `tocsin help TOPIC`:\n")
	list := newTable(s.Out)
	for _, t := range topics {
		list.row("  "+t.Name, t.Title)
	}
	return list.flush()
}

// completeHelp offers commands and topics to the shell.
func completeHelp(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	at, _, err := cmd.Root().Find(args)
	if err != nil {
		at = cmd.Root()
	}
	var out []string
	offer := func(name, about string) {
		if strings.HasPrefix(name, begun) {
			out = append(out, name+"\t"+about)
		}
	}
	for _, sub := range at.Commands() {
		if sub.IsAvailableCommand() {
			offer(sub.Name(), sub.Short)
		}
	}
	if topics, err := docs.Topics(); err == nil && len(args) == 0 {
		for _, t := range topics {
			offer(t.Name, t.Title)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
