package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

func newConfig(s Streams) *cobra.Command {
	cmd, r := attach(group("config", "Check, show and change the cluster's configuration"), s)
	cmd.AddCommand(newConfigCheck(r), newConfigShow(r), newConfigHistory(r), newConfigApply(r), newConfigExport(r))
	return cmd
}

func newConfigShow(r *remote) *cobra.Command {
	var rev uint64
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show what the cluster runs, secrets masked",
		Args:  nothing,
		RunE: func(cmd *cobra.Command, _ []string) error {
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

func newConfigApply(r *remote) *cobra.Command {
	var p client.Proposal
	cmd := &cobra.Command{
		Use:   "apply [FILE]",
		Short: "Have the cluster run a configuration file with its templates",
		Long:  "Have the whole cluster run a configuration file with the templates that it names,\nor with --from-rev an older version again. All nodes change at once.\n\nThe node takes this from its own machine only.",
		Args:  between(0, 1, "one configuration file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (p.FromRev != 0) {
				return usagef("give a configuration file or --from-rev, one of them")
			}
			if len(args) == 1 {
				if err := bundle(&p, args[0]); err != nil {
					return err
				}
			}
			return r.call(cmd, func(ctx context.Context, c *client.Client) error {
				v, err := c.ApplyConfig(ctx, p)
				if err != nil {
					return r.withProblems(err)
				}
				return r.print(v, func(t *table) { t.row(fmt.Sprintf("version %d is active", v.Rev)) })
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&p.Author, "author", "a", username(), "Who applies it.")
	fs.StringVarP(&p.Comment, "comment", "c", "", "Why.")
	fs.Uint64Var(&p.BaseRev, "if-rev", 0, "Only if this version is active now.")
	fs.Uint64Var(&p.FromRev, "from-rev", 0, "Bring this older version back instead of applying a file.")
	return cmd
}

// bundle fills p with a file and its templates.
func bundle(p *client.Proposal, file string) error {
	v, err := config.Bundle(file)
	if err != nil {
		return err
	}
	p.YAML = string(v.YAML)
	for _, t := range v.Templates {
		p.Templates = append(p.Templates, client.Template{Name: t.Name, Text: string(t.Text)})
	}
	return nil
}

// withProblems writes the problems of a refused configuration, one a line.
func (r *remote) withProblems(err error) error {
	var refused *client.Error
	if !errors.As(err, &refused) {
		return err
	}
	for _, p := range refused.Problems {
		fmt.Fprintln(r.Err, config.Problem(p))
	}
	return err
}

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
