package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/install"
	"tocsin/dispatcher/config"
)

// installer is what install and uninstall have in common.
type installer struct {
	Streams
	root   string
	dryRun bool
	output string
	told   []toldStep
}

// toldStep is a step in the JSON output.
type toldStep struct {
	Step    string `json:"step"`
	Outcome string `json:"outcome"`
	Error   string `json:"error,omitempty"`
}

func (i *installer) flags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&i.dryRun, "dry-run", false, "Only show what would be done.")
	fs.StringVar(&i.root, "root", "", "Folder to install into instead of this machine, for images. Nothing is started.")
	fs.StringVarP(&i.output, "output", "o", asTable, "Output: table or json.")
}

const installLong = `Make this machine a node: user, folders, unit file, first configuration, firewall
rules (ufw, firewalld), shell completion and manual pages; then start it. What is
there already stays. If a step fails, what was done is taken back.

The same line on all three machines forms the cluster:

  tocsin install --bootstrap-expect 3 --peers 10.0.0.1,10.0.0.2,10.0.0.3

Without --peers the machine is a cluster of its own, or keeps the flags that it
has: so this is also how a new version of the program is put in place.
Flags of your own go into ` + install.EnvFile + `.`

func newInstall(s Streams) *cobra.Command {
	i := &installer{Streams: s}
	var o install.Options
	var tokenFile string
	cmd := &cobra.Command{
		Use:     "install",
		Short:   "Make this machine a node, as a service",
		Long:    installLong,
		Example: "  tocsin install --dry-run\n  tocsin install --bootstrap-expect 3 --peers 10.0.0.1,10.0.0.2,10.0.0.3",
		Args:    nothing,
	}
	i.flags(cmd)
	fs := cmd.Flags()
	fs.StringSliceVar(&o.Peers, "peers", nil, "The nodes of the cluster, host or host:port of their gossip, with commas between; this machine may be among them.")
	fs.IntVar(&o.BootstrapExpect, "bootstrap-expect", 0, "Number of empty nodes that form the cluster together, once.")
	fs.StringVar(&o.Advertise, "advertise", "", "IP or IP:port by which the others reach this node; by default the one of --peers that is this machine's.")
	fs.StringVar(&tokenFile, "join-token-file", "", "File with the join token, - for standard input; it is copied to "+install.TokenFile+".")
	fs.BoolVar(&o.NoStart, "no-start", false, "Neither start the service nor have it started with the machine.")
	fs.BoolVar(&o.NoFirewall, "no-firewall", false, "Leave the firewall alone.")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		token, err := readJoinToken(tokenFile, i.In)
		if err != nil {
			return err
		}
		if token != "" {
			o.Token = token + "\n"
		}
		o.NoStart = o.NoStart || i.root != ""
		return i.install(cmd.Context(), o)
	}
	return cmd
}

func (i *installer) install(ctx context.Context, o install.Options) error {
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	docs, err := Docs()
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the running program: %w", err)
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return fmt.Errorf("find the running program: %w", err)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read the running program: %w", err)
	}
	m := &install.Machine{Root: i.root}
	facts, err := install.Look(ctx, m, &o, program)
	if err != nil {
		return err
	}
	if i.root == "" && !facts.Data {
		if err := checkSeed(install.ConfigFile); err != nil {
			return err
		}
	}
	if err := i.carryOut(ctx, m, install.Make(o, facts, binary, docs)); err != nil || i.dryRun || o.NoStart || !facts.Live {
		return err
	}
	i.sayf("\nThe node %s. `tocsin status` shows more.\n", install.Says(ctx, m))
	return nil
}

// checkSeed refuses a configuration that a cluster could not begin with, while
// nothing is done yet. That there is none is good: one is written.
func checkSeed(file string) error {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := config.InitMode(config.ModeDefault, nil); err != nil {
		return err
	}
	v, err := config.Bundle(file)
	if err != nil {
		return err
	}
	if err := config.CheckVersion(file, v, config.Options{BaseDir: filepath.Dir(file)}).Err(); err != nil {
		return fmt.Errorf("nothing was installed, because no cluster can begin with this configuration: %w", err)
	}
	return nil
}

func newUninstall(s Streams) *cobra.Command {
	i := &installer{Streams: s}
	var r install.Removal
	var confirm string
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Take the service off this machine; its data stays",
		Long: "Stop the service and remove what `tocsin install` put on this machine. The configuration, the\n" +
			"data and the user stay, unless --purge is given and the machine's name is typed.",
		Args: nothing,
	}
	i.flags(cmd)
	cmd.Flags().BoolVar(&r.Purge, "purge", false, "Also remove "+install.ConfigDir+", "+install.DataDir+" and the user. This cannot be taken back.")
	cmd.Flags().StringVar(&confirm, "confirm", "", "The machine's name, for --purge without a question.")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if r.Purge && !i.dryRun {
			if err := i.confirm(confirm); err != nil {
				return err
			}
		}
		return i.uninstall(cmd.Context(), r)
	}
	return cmd
}

// confirm has the operator type which machine it is that loses its data.
func (i *installer) confirm(typed string) error {
	want, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find this machine's name: %w", err)
	}
	if i.root != "" {
		want = i.root
	}
	if typed == "" {
		fmt.Fprintf(i.Err, "This removes the configuration, the data and the history of this node, for good.\nType %q to go on: ", want)
		if _, err := fmt.Fscanln(i.In, &typed); err != nil && typed == "" {
			return errors.New("nothing was removed")
		}
	}
	if typed != want {
		return fmt.Errorf("%q is not %q: nothing was removed", typed, want)
	}
	return nil
}

func (i *installer) uninstall(ctx context.Context, r install.Removal) error {
	docs, err := Docs()
	if err != nil {
		return err
	}
	m := &install.Machine{Root: i.root}
	facts, err := install.Look(ctx, m, &install.Options{}, filepath.Join(i.root, install.Packaged().Binary))
	if err != nil {
		return err
	}
	return i.carryOut(ctx, m, install.Unmake(r, facts, docs))
}

// carryOut does what was planned, or shows it.
func (i *installer) carryOut(ctx context.Context, m *install.Machine, p install.Plan) error {
	if i.output != asTable && i.output != asJSON {
		return usagef("--output must be table or json, not %q", i.output)
	}
	var err error
	switch {
	case i.dryRun:
		err = install.DryRun(ctx, m, p.Steps, i.report)
	case os.Geteuid() != 0 && i.root == "":
		return errors.New("this needs root: run it with sudo, or look with --dry-run")
	default:
		err = install.Run(ctx, m, p.Steps, i.report)
	}
	for _, n := range p.Notes {
		i.sayf("note: %s\n", n)
	}
	if i.output == asJSON {
		err = errors.Join(err, printJSON(i.Out, struct {
			Steps []toldStep `json:"steps"`
			Notes []string   `json:"notes"`
		}{i.told, append([]string{}, p.Notes...)}))
	}
	return err
}

func (i *installer) report(s install.Step, o install.Outcome, err error) {
	i.sayf("%-14s  %s\n", o, s)
	t := toldStep{Step: s.String(), Outcome: string(o)}
	if err != nil {
		t.Error = err.Error()
	}
	i.told = append(i.told, t)
}

// sayf writes for people; nothing where the output is JSON.
func (i *installer) sayf(format string, args ...any) {
	if i.output == asTable {
		fmt.Fprintf(i.Out, format, args...)
	}
}
