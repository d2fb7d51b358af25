package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newAccess(s Streams) *cobra.Command {
	cmd, r := attach(group("access", "Show and say what those without a token may do"), s)
	cmd.AddCommand(newAccessShow(r), newAccessSet(r))
	return cmd
}

func newAccessShow(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show what those without a token may do",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				a, err := c.Access(ctx)
				if err != nil {
					return err
				}
				return r.showAccess(a)
			})
		},
	}
}

func newAccessSet(r *remote) *cobra.Command {
	var anonymous string
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Say what those without a token may do",
		Long: `Say what those without a token may do, on all nodes. Before it is said, they may
do what Alertmanager lets everybody do: read, post alerts, change silences. The
nodes' own machines, by loopback or the admin socket, may do all whatever is said.`,
		Example: "  tocsin access set --anonymous viewer",
		Args:    nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if anonymous == "" {
				return usagef("%s needs --anonymous: none, ingest, viewer or operator", cmd.CommandPath())
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				a, err := c.SetAccess(ctx, anonymous)
				if err != nil {
					return err
				}
				return r.showAccess(a)
			})
		},
	}
	cmd.Flags().StringVar(&anonymous, "anonymous", "", "What they may do: none, ingest, viewer or operator.")
	return cmd
}

func (r *remote) showAccess(a client.Access) error {
	if r.output == asJSON {
		return printJSON(r.Out, a)
	}
	fmt.Fprintf(r.Out, "Without a token: %s. Tokens: %d.\n", a.Anonymous, a.Tokens)
	if a.Anonymous != "operator" && a.Tokens == 0 {
		fmt.Fprintln(r.Out, "Nobody has a token, so from other machines nobody may do more: `tocsin token create` makes one.")
	}
	return nil
}
