package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/dispatcher/alert"
	"tocsin/httpapi/access"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/intake"
	"tocsin/httpapi/ui"
	"tocsin/httpapi/v1"
	"tocsin/httpapi/v2"
	"tocsin/httpapi/view"
)

// DefaultMaxBodyBytes bounds a request's body where nothing else is said.
const DefaultMaxBodyBytes = 32 << 20

// Dispatcher says where alerts stand and takes posted ones in.
type Dispatcher interface {
	v2.Dispatcher
	// Post must not wait for anything but memory.
	Post([]alert.Alert) alert.PutResult
}

// Options are what a Server is made of.
type Options struct {
	Web   Web
	Build view.Build
	// Started is when the process started; the APIs call it uptime.
	Started time.Time

	// Alerts are the alerts in memory: *alert.Store is one. Needed.
	Alerts v2.Alerts
	// Dispatcher says where alerts stand and takes posted ones in:
	// *dispatcher.Dispatcher is one. Needed.
	Dispatcher Dispatcher
	// Decoder reads posted alerts: *alert.Decoder is one. Needed.
	Decoder intake.Decoder
	// Silences are this node's view of the silences, Writer changes them. Both
	// are needed.
	Silences v2.Silences
	Writer   v2.Writer
	// MaxSilenceBytes bounds a silence's size; 0 or less: no bound of its own.
	MaxSilenceBytes int
	// Config is the active configuration, nil before the first; Cluster is the
	// cluster as this node sees it now. Both are asked at each request, so
	// they must be cheap. Both are needed.
	Config  func() *view.Config
	Cluster func() view.Cluster
	// Versions, Planner, Members, Ledger, Backups and Audit serve the admin API. All are needed.
	Versions admin.Versions
	Planner  admin.Planner
	Members  admin.Members
	Joining  admin.Joining
	NodeKeys admin.NodeKeys
	Ledger   admin.Ledger
	Backups  admin.Backups
	Audit    admin.Audit
	// Keys are the API tokens, and what those without one may do. Needed.
	Keys *access.Keys

	// Doctor gathers the facts that admin's GET /doctor tells; nil: none.
	Doctor func(context.Context) any
	// Reload is POST /-/reload; its error is shown to the caller. Needed.
	Reload func(context.Context) error
	// Ready says why this node cannot take alerts; nil: it can. Needed.
	Ready func() error

	// Gatherer serves /metrics; nil: there is no such path.
	Gatherer prometheus.Gatherer
	// Registerer takes the HTTP metrics; nil: none.
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
}

// Web are the settings of the HTTP side itself; the zero value is usable.
type Web struct {
	// ExternalURL is where people reach this node; may be nil.
	ExternalURL *url.URL
	// RoutePrefix prefixes all routes; empty means the path of ExternalURL.
	RoutePrefix string
	// GetConcurrency bounds the GETs under way; 0 or less means GOMAXPROCS or
	// 8, whichever is larger.
	GetConcurrency int
	// Timeout bounds every request; 0 or less is no bound.
	Timeout time.Duration
	// MaxBodyBytes bounds a request's body; 0 or less means
	// DefaultMaxBodyBytes.
	MaxBodyBytes int64
	// CORSOrigin is a regular expression of the origins that browsers may call
	// API v2 from, anchored at both ends; empty: none.
	CORSOrigin string
	// ConfigFile is exporter-toolkit's file of TLS, users and headers; may be
	// empty.
	ConfigFile string
	// Pprof serves Go's profiles under /debug/pprof.
	Pprof bool
}

// ErrOptions says that a Server cannot be made of the given Options.
var ErrOptions = errors.New("bad options of the HTTP server")

func (o *Options) validate() error {
	for name, missing := range map[string]bool{
		"Alerts": o.Alerts == nil, "Dispatcher": o.Dispatcher == nil, "Decoder": o.Decoder == nil,
		"Silences": o.Silences == nil, "Writer": o.Writer == nil, "Config": o.Config == nil,
		"Cluster": o.Cluster == nil, "Versions": o.Versions == nil, "Planner": o.Planner == nil, "Members": o.Members == nil, "Joining": o.Joining == nil, "NodeKeys": o.NodeKeys == nil,
		"Ledger": o.Ledger == nil, "Backups": o.Backups == nil, "Audit": o.Audit == nil, "Keys": o.Keys == nil, "Reload": o.Reload == nil, "Ready": o.Ready == nil,
	} {
		if missing {
			return fmt.Errorf("%w: %s is not set", ErrOptions, name)
		}
	}
	if _, err := o.Web.origin(); err != nil {
		return err
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Web.MaxBodyBytes <= 0 {
		o.Web.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if o.Web.GetConcurrency <= 0 {
		o.Web.GetConcurrency = max(runtime.GOMAXPROCS(0), 8)
	}
	return o
}

// prefix is the route prefix without a slash at its end: "" or "/am".
func (w *Web) prefix() string {
	p := w.RoutePrefix
	if p == "" && w.ExternalURL != nil {
		p = w.ExternalURL.Path
	}
	if p = strings.Trim(p, "/"); p == "" {
		return ""
	}
	return "/" + p
}

// origin compiles CORSOrigin; nil if it is empty.
func (w *Web) origin() (*regexp.Regexp, error) {
	if w.CORSOrigin == "" {
		return nil, nil
	}
	re, err := regexp.Compile("^(?:" + w.CORSOrigin + ")$")
	if err != nil {
		return nil, fmt.Errorf("%w: CORS origin: %w", ErrOptions, err)
	}
	return re, nil
}

func (o *Options) v2(door *intake.Door) v2.Options {
	return v2.Options{
		Alerts: o.Alerts, Dispatcher: o.Dispatcher, Silences: o.Silences, Writer: o.Writer,
		Intake: door, Cluster: o.Cluster, Config: o.Config, MaxSilenceBytes: o.MaxSilenceBytes,
		Build: o.Build, Started: o.Started, Logger: o.Logger, Now: o.Now,
	}
}

func (o *Options) v1(door *intake.Door) v1.Options {
	return v1.Options{
		Intake: door, Cluster: o.Cluster, Config: o.Config,
		Build: o.Build, Started: o.Started, Logger: o.Logger,
	}
}

func (o *Options) admin() admin.Options {
	return admin.Options{
		Cluster: o.Cluster, Versions: o.Versions, Planner: o.Planner, Members: o.Members, Joining: o.Joining, NodeKeys: o.NodeKeys, Ledger: o.Ledger, Backups: o.Backups, Audit: o.Audit, Keys: o.Keys, Doctor: o.Doctor,
		Build: o.Build, Started: o.Started, Now: o.Now, Logger: o.Logger,
	}
}

func (o *Options) ui() ui.Options {
	return ui.Options{
		Alerts: o.Alerts, Dispatcher: o.Dispatcher, Silences: o.Silences, Cluster: o.Cluster,
		Versions: o.Versions, Prefix: o.Web.prefix(), Build: o.Build,
		Started: o.Started, Logger: o.Logger, Now: o.Now,
	}
}
