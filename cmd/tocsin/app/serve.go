package app

import (
	"context"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"
)

// Options are what a node is made of.
type Options struct {
	Settings   Settings
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	Reload     <-chan os.Signal
}

// Serve runs a node until ctx ends.
func Serve(ctx context.Context, o Options) error {
	<-ctx.Done()
	return nil
}
