package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
)

func newConfigExport(r *remote) *cobra.Command {
	var rev uint64
	cmd := &cobra.Command{
		Use:   "export FOLDER",
		Short: "Write what the cluster runs into a folder, as Alertmanager reads it",
		Long:  "Write the active version into a folder: alertmanager.yml, which Alertmanager reads\ntoo, and its templates. Secrets are masked, since nodes never give them out: put\nthem in before you use it.",
		Args:  between(1, 1, "a folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				v, err := c.Config(ctx, rev)
				if err != nil {
					return err
				}
				files, err := export(&v, args[0])
				if err != nil {
					return err
				}
				return r.print(files, func(t *table) {
					for _, f := range files {
						t.row(f)
					}
				})
			})
		},
	}
	cmd.Flags().Uint64Var(&rev, "rev", 0, "Another version than the active one.")
	return cmd
}

// export writes a version's files into folder, over none that is there, and
// returns their names.
func export(v *client.ConfigVersion, folder string) ([]string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("export configuration: %w", err)
	}
	files := []client.Template{{Name: "alertmanager.yml", Text: v.YAML}}
	for _, t := range v.Templates {
		files = append(files, client.Template{Name: filepath.Base(t.Name), Text: t.Text})
	}
	var written []string
	for _, f := range files {
		name := filepath.Join(folder, f.Name)
		if err := writeNew(name, f.Text); err != nil {
			return nil, fmt.Errorf("export configuration: %w", err)
		}
		written = append(written, name)
	}
	return written, nil
}

func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return cmp.Or(err, f.Close())
}
