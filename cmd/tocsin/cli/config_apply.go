package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/client"
	"tocsin/dispatcher/config"
)

func newConfigApply(r *remote) *cobra.Command {
	var p client.Proposal
	cmd := &cobra.Command{
		Use:   "apply [FILE]",
		Short: "Have the cluster run a configuration file with its templates",
		Long: "Have the whole cluster run a configuration file with the templates that it names,\n" +
			"or with --from-rev an older version again. All nodes change at once. A file that\n" +
			"says what runs already changes nothing and makes no version.",
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
			return r.apply(cmd, p, file)
		},
	}
	applyFlags(cmd, &p)
	cmd.Flags().Uint64Var(&p.FromRev, "from-rev", 0, "Bring this older version back instead of applying a file.")
	return cmd
}

func newConfigRollback(r *remote) *cobra.Command {
	var p client.Proposal
	cmd := &cobra.Command{
		Use:   "rollback REV",
		Short: "Have the cluster run an older version again",
		Long: "Have the cluster run the texts of an older version again, as a new version: nothing\n" +
			"is lost, and a rollback can be rolled back. `tocsin config history` lists the versions.",
		Args: between(1, 1, "the number of a version"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if p.FromRev, err = parseRev(args[0]); err != nil {
				return err
			}
			if p.Comment == "" {
				p.Comment = "rollback to version " + args[0]
			}
			return r.apply(cmd, p, "")
		},
	}
	applyFlags(cmd, &p)
	return cmd
}

// applyFlags are those of the commands that change the configuration.
func applyFlags(cmd *cobra.Command, p *client.Proposal) {
	fs := cmd.Flags()
	fs.StringVarP(&p.Author, "author", "a", username(), "Who applies it.")
	fs.StringVarP(&p.Comment, "message", "m", "", "Why.")
	fs.Uint64Var(&p.BaseRev, "if-version", 0, "Only if this version is active now.")
	// The names of before.
	fs.StringVarP(&p.Comment, "comment", "c", "", "The same as --message.")
	fs.Uint64Var(&p.BaseRev, "if-rev", 0, "The same as --if-version.")
	for _, old := range []string{"comment", "if-rev"} {
		fs.Lookup(old).Hidden = true
	}
}

// apply has the cluster run a proposal; file is what the user gave, if anything.
func (r *remote) apply(cmd *cobra.Command, p client.Proposal, file string) error {
	return r.call(cmd, func(ctx context.Context, c *client.Client) error {
		done := r.waiting("the nodes are asked whether they can load it")
		v, err := c.ApplyConfig(ctx, p)
		done()
		if err != nil {
			return r.withProblems(err, file)
		}
		return r.print(v, func(t *table) {
			if v.Unchanged {
				t.row(fmt.Sprintf("nothing to change: version %d says this already", v.Rev))
				return
			}
			t.row(fmt.Sprintf("version %d is active", v.Rev))
		})
	})
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

// withProblems writes the problems of a refused configuration, one a line, with
// the names of the files as the user gave them.
func (r *remote) withProblems(err error, file string) error {
	var refused *client.Error
	if !errors.As(err, &refused) {
		return err
	}
	for _, p := range refused.Problems {
		p.File = givenName(p.File, file)
		fmt.Fprintln(r.Err, config.Problem(p))
	}
	return err
}

// givenName is the path of a file that the node knows by the name which it has
// in a version.
func givenName(name, file string) string {
	switch {
	case file == "":
		return name
	case name == config.MainFile:
		return file
	case filepath.IsAbs(name):
		return name
	default:
		return filepath.Join(filepath.Dir(file), filepath.FromSlash(name))
	}
}
