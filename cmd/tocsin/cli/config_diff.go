package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newConfigDiff(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "diff [REV [REV]]",
		Short: "Show what changed between two versions, templates included, secrets masked",
		Long: "Show what changed from one version to another as a unified diff: from the one before\n" +
			"to the active one, from REV to the active one, or from the first REV to the second.\n" +
			"Secrets are masked, and named where they differ; remarks are left out.",
		Args: between(0, 2, "at most two versions"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var revs [2]uint64
			for i, arg := range args {
				var err error
				if revs[i], err = parseRev(arg); err != nil {
					return err
				}
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				d, err := c.DiffConfig(ctx, revs[0], revs[1])
				if err != nil {
					return err
				}
				if r.output == asJSON {
					return printJSON(r.Out, d)
				}
				r.printDiff(&d.DiffText)
				return nil
			})
		},
	}
}

func (r *remote) printDiff(d *client.DiffText) {
	r.printf("%s", d.Diff)
	if len(d.Secrets) > 0 {
		r.printf("secrets that differ: %s\n", strings.Join(d.Secrets, ", "))
	}
	if d.Silent {
		fmt.Fprintln(r.Out, "only remarks or the layout differ")
	}
}
