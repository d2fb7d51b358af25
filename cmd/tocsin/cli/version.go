package cli

import (
	"fmt"
	"runtime"

	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/app"
)

// build is what this binary says of itself.
type build struct {
	Version   string `json:"version"`
	Revision  string `json:"revision"`
	BuildDate string `json:"buildDate"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

func newVersion(s Streams) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  nothing,
		RunE: func(*cobra.Command, []string) error {
			if output == asJSON {
				return printJSON(s.Out, build{
					Version: app.Version(), Revision: version.GetRevision(), BuildDate: version.BuildDate,
					GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintln(s.Out, version.Print("tocsin"))
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", asTable, "Output: table or json.")
	return cmd
}
