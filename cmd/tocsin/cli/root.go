package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"

	"tocsin/cmd/tocsin/app"
)

// Streams are where a command reads and writes.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage marks a command line that makes no sense.
var errUsage = errors.New("usage")

// usageError keeps errUsage out of the text.
type usageError struct{ error }

func (usageError) Is(target error) bool { return target == errUsage }
func (e usageError) Unwrap() error      { return e.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// errSaid is for a failure that was told already: in the log, or line by line.
var errSaid = errors.New("told already")

// exitChanges is that of a plan that changes something; there a bad command line
// is exitFailed.
const exitChanges = exitCode(2)

// exitCode ends the program with that code; all is told already.
type exitCode int

// Error is for a log.
func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// Main runs the command that args name and returns the process's exit code.
func Main(args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(s)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	return explain(cmd, err, s.Err)
}

func explain(cmd *cobra.Command, err error, w io.Writer) int {
	if code := exitCode(0); errors.As(err, &code) {
		return int(code)
	}
	usage := errors.Is(err, errUsage)
	if !errors.Is(err, errSaid) {
		fmt.Fprintf(w, "tocsin: %v\n", err)
	}
	if usage {
		fmt.Fprintf(w, "See `%s --help`.\n", cmd.CommandPath())
	}
	if usage && cmd.Name() != "server" && cmd.Name() != "plan" {
		return exitUsage
	}
	return exitFailed
}

func newRoot(s Streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "tocsin",
		Short:         "An alerting appliance for three machines",
		Long:          "Tocsin takes alerts from Prometheus and tells people, from three machines that\nkeep one memory of what is configured, silenced and told.",
		Version:       app.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetVersionTemplate(version.Print("tocsin") + "\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetHelpCommand(newHelp(s))
	root.AddCommand(
		newServer(s), newDev(s), newVersion(s),
		newStatus(s), newConfig(s), newAlert(s), newSilence(s), newRaft(s), newMigrate(s), newSnapshot(s), newDeliveries(s),
		newToken(s), newAccess(s), newAudit(s),
		newMonitoring(s), newInstall(s), newUninstall(s), newDoctor(s),
	)
	return root
}

// group makes a command that only holds others.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(children...)
	return cmd
}

// knownCommand refuses arguments of a command that only holds others: they are
// misspelt commands.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usagef("%s has no command %q, did you mean %s?", cmd.CommandPath(), args[0], strings.Join(near, " or "))
	}
	return usagef("%s has no command %q", cmd.CommandPath(), args[0])
}

// between checks the number of arguments; most < 0 is no limit.
func between(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("%s needs %s", cmd.CommandPath(), what)
		case most >= 0 && len(args) > most:
			return usagef("%s takes %s, not also %q", cmd.CommandPath(), what, args[most])
		}
		return nil
	}
}

// nothing is for commands that take no arguments.
func nothing(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, not %q", cmd.CommandPath(), args[0])
	}
	return nil
}
