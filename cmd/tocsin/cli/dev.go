package cli

import (
	"os"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/dev"
)

func newDev(s Streams) *cobra.Command {
	o := dev.Options{Out: s.Out, Err: s.Err}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run three nodes on this machine, with something to try",
		Long:  "Run a cluster of three nodes in this process, on loopback, with temporary data,\na demonstration configuration and a receiver that prints what it gets. Ctrl-C\nstops it and removes its data.",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Program = os.Args[0]
			return dev.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.LogLevel, "log.level", "error", "Only log messages with the given severity or above. One of: debug, info, warn, error")
	return cmd
}
