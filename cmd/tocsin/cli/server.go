package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"
	"github.com/spf13/cobra"

	"tocsin/cluster/clock"
	"tocsin/cmd/tocsin/app"
	"tocsin/cmd/tocsin/flags"
	"tocsin/dispatcher/config"
)

func newServer(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "server",
		Short:   "Run a node",
		Long:    "Run a node. It takes Alertmanager's flags with Alertmanager's meaning.",
		Version: app.Version(),
		Args:    nothing,
	}
	cmd.SetVersionTemplate(version.Print("tocsin") + "\n")
	fs := flags.Register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := fs.Settings.Validate(); err != nil {
			return usageError{err}
		}
		keepPrivate()
		return serve(cmd.Context(), s, fs)
	}
	return cmd
}

// serve runs the node until a signal ends ctx.
func serve(ctx context.Context, s Streams, fs *flags.Server) error {
	logger := fs.Log.Logger(s.Err)
	if os.Getenv("DEBUG") != "" {
		runtime.SetBlockProfileRate(20)
		runtime.SetMutexProfileFraction(20)
	}
	logger.Info("Starting Tocsin", "version", version.Info())
	logger.Info("Build context", "build_context", version.BuildContext())
	for _, w := range fs.Warnings() {
		logger.Warn(w)
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)

	err := app.Serve(ctx, app.Options{
		Settings:   fs.Settings,
		Logger:     logger,
		Registerer: prometheus.DefaultRegisterer,
		Gatherer:   prometheus.DefaultGatherer,
		Elapsed:    clock.SinceBoot,
	}, reload)
	if err != nil {
		complain(logger, err)
		return errSaid
	}
	logger.Info("Received shutdown signal, exiting gracefully...")
	return nil
}

// complain logs why the node stops; of a bad configuration every problem on a
// line of its own.
func complain(logger *slog.Logger, err error) {
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			logger.Error(p.String())
		}
		err = fmt.Errorf("the configuration has %d problems, which are listed above", len(problems))
	}
	logger.Error("Tocsin stops with an error", "err", err)
}
