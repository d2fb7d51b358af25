package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/app"
	"tocsin/cmd/tocsin/client"
	"tocsin/cmd/tocsin/doctor"
	"tocsin/dispatcher/config"
)

// doctorFlags say where to look where the node does not answer.
type doctorFlags struct {
	folder, config string
	all            bool
}

func newDoctor(s Streams) *cobra.Command {
	cmd, r := attach(&cobra.Command{
		Use:   "doctor [URL...]",
		Short: "Find what is wrong with the nodes and their machines, and say what to do",
		Long: `Ask a node how all nodes of its cluster are, and judge what they say: ports,
addresses, clocks, receivers that one node does not reach, sources that reach one
node only, replica labels, disks, permissions. With URLs these nodes are asked.
A node that does not answer is looked at from outside, as far as this machine
shows: run it on the machine of that node. Nothing is changed, and nothing is
sent to a receiver.

The exit code is 2 if something is broken, 1 if something should be looked at, and
0 otherwise.`,
		Args: between(0, 64, "up to 64 URLs of nodes"),
	}, s)
	defaults := app.DefaultSettings()
	var f doctorFlags
	cmd.Flags().StringVar(&f.folder, "storage.path", defaults.DataDir, "Data folder of this machine's node, to look at if it does not answer.")
	cmd.Flags().StringVar(&f.config, "config.file", defaults.ConfigFile, "Configuration file of this machine's node, to look at if it does not answer.")
	cmd.Flags().BoolVar(&f.all, "all", false, "Also show what is well.")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = []string{r.address}
		}
		var answers []doctor.Answer
		var checks []doctor.Check
		for _, address := range args {
			r.address = address
			err := r.call(cmd, func(ctx context.Context, c *client.Client) error {
				more, err := c.Doctor(ctx)
				answers = append(answers, more...)
				return err
			})
			switch {
			case errors.Is(err, errUsage):
				return err
			case err != nil:
				checks = append(checks, doctor.Check{
					Name: doctor.CheckNode, Node: address, Result: doctor.Fail, Finding: err.Error(),
					Fix: "on that machine: `systemctl status tocsin`, `journalctl -u tocsin -n 50`",
				})
			}
		}
		checks = append(checks, doctor.Diagnose(merge(answers))...)
		if len(answers) == 0 {
			checks = append(checks, f.look(cmd.Context())...)
		}
		doctor.Sort(checks)
		if err := r.printChecks(checks, f.all); err != nil {
			return err
		}
		if code := doctor.ExitCode(checks); code != 0 {
			return exitCode(code)
		}
		return nil
	}
	return cmd
}

// merge is one answer a node: facts before errors.
func merge(answers []doctor.Answer) []doctor.Answer {
	id := func(a doctor.Answer) string {
		if a.Facts != nil {
			return a.Facts.ID
		}
		return a.ID
	}
	var out []doctor.Answer
	for _, a := range answers {
		i := slices.IndexFunc(out, func(b doctor.Answer) bool { return id(a) == id(b) })
		switch {
		case i < 0:
			out = append(out, a)
		case out[i].Facts == nil:
			out[i] = a
		}
	}
	return out
}

// look is what this machine shows of a node that does not answer.
func (f *doctorFlags) look(ctx context.Context) []doctor.Check {
	const here = "this machine"
	var checks []doctor.Check
	switch _, err := os.Stat(f.folder); {
	case err != nil:
		checks = append(checks, doctor.Check{
			Name: doctor.CheckDisk, Node: here, Result: doctor.Unknown, Finding: "there is no data folder " + f.folder + " to look at: " + err.Error(),
			Fix: "say where it is with --storage.path, as the unit file does",
		})
	default:
		m := doctor.Examine(ctx, f.folder)
		m.OpenFiles, m.FilesLimit = 0, 0 // of this command, not of the node
		checks = append(checks, doctor.DiagnoseMachine(here, &m)...)
	}
	return append(checks, f.lookAtConfig())
}

func (f *doctorFlags) lookAtConfig() doctor.Check {
	c := doctor.Check{Name: doctor.CheckFile, Node: "this machine", Result: doctor.OK, Finding: f.config + " can be loaded"}
	file, err := config.Bundle(f.config)
	if err != nil {
		c.Result, c.Finding, c.Fix = doctor.Unknown, err.Error(), "say where it is with --config.file, as the unit file does"
		return c
	}
	problems := config.CheckVersion(f.config, file, config.Options{BaseDir: filepath.Dir(f.config)})
	if err := problems.Err(); err != nil {
		c.Result, c.Finding = doctor.Fail, fmt.Sprintf("%d problems, the first: %s", len(problems), problems[0])
		c.Fix = "`tocsin config check " + f.config + "` shows all; a node that is to found a cluster does not start with it"
	}
	return c
}

// printChecks shows a table with the next steps below it, or JSON.
func (r *remote) printChecks(checks []doctor.Check, all bool) error {
	if r.output == asJSON {
		return r.print(checks, nil)
	}
	well := 0
	err := r.print(nil, func(t *table) {
		t.row("RESULT", "CHECK", "NODE", "FINDING")
		for i := range checks {
			c := &checks[i]
			if c.Result == doctor.OK && !all {
				well++
				continue
			}
			t.row(strings.ToUpper(string(c.Result)), c.Name, cmp.Or(c.Node, "-"), c.Finding)
		}
	})
	if err != nil {
		return err
	}
	r.printf("\n")
	if well > 0 {
		r.printf("%d checks are well; --all shows them.\n", well)
	}
	said := map[string]bool{}
	for i := range checks {
		if c := &checks[i]; c.Fix != "" && !said[c.Name+c.Fix] {
			said[c.Name+c.Fix] = true
			r.printf("%s: %s\n", c.Name, c.Fix)
		}
	}
	return nil
}
