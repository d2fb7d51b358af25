package notify

import (
	"context"
	"log/slog"

	upstreamalert "github.com/prometheus/alertmanager/alert"
	upstream "github.com/prometheus/alertmanager/notify"
)

// NotifierFunc is a notifier made of a function.
type NotifierFunc func(context.Context, ...*upstreamalert.Alert) (bool, error)

// Notify implements upstream's Notifier.
func (f NotifierFunc) Notify(ctx context.Context, as ...*upstreamalert.Alert) (bool, error) {
	return f(ctx, as...)
}

// SendResolved implements upstream's ResolvedSender.
func (f NotifierFunc) SendResolved() bool { return true }

// NewFake is an integration with a notifier of the test's.
func NewFake(f NotifierFunc, logger *slog.Logger) *Integration {
	return &Integration{identity: "fake/1", receiver: "r", upstream: upstream.NewIntegration(f, f, "fake", 0, "r"), logger: logger}
}
