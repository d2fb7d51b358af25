package notify

import (
	"log/slog"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/template"
	commoncfg "github.com/prometheus/common/config"
)

// Receiver is a built receiver. Shared and immutable.
type Receiver struct {
	Name string
	// Labels are its labels, name included, for the API.
	Labels map[string]string
	// Integrations are in Alertmanager's order: by type, then by place.
	Integrations []*Integration
}

// Options are what Build needs beside the receiver's configuration.
type Options struct {
	// Template renders the messages; its ExternalURL must be set.
	Template *template.Template
	// Identities gives the identity of an integration by its type and its
	// place among those of the type.
	Identities func(name string, index int) string
	// Logger gets what upstream's notifiers log; nil drops it.
	Logger *slog.Logger
	// HTTP is handed to every HTTP client, for tests that bring a dialer.
	HTTP []commoncfg.HTTPClientOption
	// Metrics counts; nil counts nothing.
	Metrics *Metrics
}

// Build makes the integrations of a receiver. The errors of all of them are
// joined.
func Build(_ amconfig.Receiver, _ Options) (*Receiver, error) {
	return nil, nil
}
