package config

import (
	"log/slog"
	"net/url"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"
	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"
	commoncfg "github.com/prometheus/common/config"

	"tocsin/dispatcher/event"
	"tocsin/dispatcher/notify"
	"tocsin/dispatcher/route"
)

// Config is a configuration that is ready to run. Shared and immutable.
type Config struct {
	// Rev is the version's number, 0 for one that is not in the cluster.
	Rev uint64
	// Hash is alertmanager_config_hash: the first six bytes of the MD5 of the
	// YAML as a number, least significant first.
	Hash     float64
	Upstream *amconfig.Config
	Template *template.Template
	Routes   *route.Tree
	// InhibitRules are as they were written; whoever inhibits compiles them.
	InhibitRules []amcommon.InhibitRule
	// Intervals knows all time intervals by name.
	Intervals *timeinterval.Intervener
	// Receivers are those that a route names, by name, built.
	Receivers map[string]*notify.Receiver
	// ReceiverNames are all receivers with their labels, in the order of the
	// configuration, for the API.
	ReceiverNames []ReceiverName
	// ResolveTimeout is when an alert without an end is over.
	ResolveTimeout time.Duration
	// Files are the files that each node has of its own.
	Files []File

	masked string
}

// ReceiverName is a receiver as the API lists it.
type ReceiverName struct {
	Name   string
	Labels map[string]string
}

// Masked is the configuration as Alertmanager shows it: all defaults filled in,
// secrets as <secret>. Alertmanager's parser reads it.
func (c *Config) Masked() string { return c.masked }

// Options are what Load needs beside the version.
type Options struct {
	// BaseDir is what relative paths in http_config start from: the folder of
	// the configuration file.
	BaseDir string
	// NeedFiles has CheckVersion find fault with a file that is named and cannot
	// be read here. Alertmanager loads such a configuration, and then every
	// notification fails; what runs already is therefore loaded all the same.
	NeedFiles bool
	// ExternalURL is where people reach this cluster; nil is an empty URL.
	ExternalURL *url.URL
	// Logger gets what the integrations log; nil drops it.
	Logger *slog.Logger
	// HTTP is handed to every HTTP client of the integrations.
	HTTP []commoncfg.HTTPClientOption
	// Metrics counts notifications; nil counts nothing.
	Metrics *notify.Metrics
	// Events writes down what was sent; nil nothing.
	Events *event.Recorder
}
