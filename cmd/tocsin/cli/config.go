package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

func newConfig(s Streams) *cobra.Command {
	cmd, r := attach(group("config", "Check, show and change the cluster's configuration"), s)
	cmd.AddCommand(
		newConfigCheck(r), newConfigPlan(r), newConfigApply(r), newConfigRollback(r),
		newConfigShow(r), newConfigHistory(r), newConfigDiff(r), newConfigRoutes(r), newConfigExport(r),
	)
	return cmd
}

func newConfigShow(r *remote) *cobra.Command {
	var rev uint64
	cmd := &cobra.Command{
		Use:   "show [REV]",
		Short: "Show what the cluster runs, or an older version, secrets masked",
		Args:  between(0, 1, "the number of one version"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				var err error
				if rev, err = parseRev(args[0]); err != nil {
					return err
				}
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				v, err := c.Config(ctx, rev)
				if err != nil {
					return err
				}
				r.printf("# version %d, %s, by %s: %s\n%s", v.Rev, when(v.At), dash(v.Author), dash(v.Comment), v.YAML)
				if r.output == asJSON {
					return printJSON(r.Out, v)
				}
				return nil
			})
		},
	}
	cmd.Flags().Uint64Var(&rev, "rev", 0, "Another version than the active one.")
	return cmd
}

// parseRev reads the number of a version.
func parseRev(text string) (uint64, error) {
	rev, err := strconv.ParseUint(text, 10, 64)
	if err != nil || rev == 0 {
		return 0, usagef("%q is not the number of a version: `tocsin config history` lists them", text)
	}
	return rev, nil
}

func newConfigHistory(r *remote) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the versions of the configuration, newest first",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > 1000 {
				return usagef("--limit must be from 1 to 1000, not %d", limit)
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				versions, err := c.ConfigHistory(ctx, limit)
				if err != nil {
					return err
				}
				return r.print(versions, func(t *table) { versionRows(t, versions) })
			})
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "How many, from 1 to 1000.")
	return cmd
}

func versionRows(t *table, versions []client.ConfigVersion) {
	t.row("REV", "ACTIVE", "HASH", "AT", "AUTHOR", "COMMENT")
	for i := range versions {
		v := &versions[i]
		t.row(strconv.FormatUint(v.Rev, 10), yesNo(v.Active), v.Hash, when(v.At), dash(v.Author), dash(v.Comment))
	}
}

func newConfigCheck(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Find all that is wrong with configuration files, without a node",
		Args:  between(1, -1, "configuration files"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := config.InitMode(config.ModeDefault, nil); err != nil {
				return err
			}
			bad := 0
			for _, file := range args {
				if err := r.check(file); err != nil {
					fmt.Fprintln(r.Err, err)
					bad++
				}
			}
			if bad > 0 {
				return fmt.Errorf("%d of %d files cannot be used", bad, len(args))
			}
			return nil
		},
	}
}

// check says what is in a file; the error is all that is wrong with it.
func (r *remote) check(file string) error {
	v, err := config.Bundle(file)
	if err != nil {
		return err
	}
	o := config.Options{BaseDir: filepath.Dir(file)}
	if err := config.CheckVersion(file, v, o).Err(); err != nil {
		return err
	}
	loaded, err := config.Load(v, o)
	if err != nil {
		return err
	}
	return r.print(summary(file, v, loaded), func(t *table) {
		t.row(fmt.Sprintf("%s: good: %d receivers, %d inhibit rules, %d templates",
			file, len(loaded.ReceiverNames), len(loaded.InhibitRules), len(v.Templates)))
	})
}

func summary(file string, v *model.ConfigVersion, c *config.Config) any {
	return struct {
		File         string `json:"file"`
		Receivers    int    `json:"receivers"`
		InhibitRules int    `json:"inhibit_rules"`
		Templates    int    `json:"templates"`
	}{file, len(c.ReceiverNames), len(c.InhibitRules), len(v.Templates)}
}
