package dispatcher

import (
	"context"

	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/alertmanager/timeinterval"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/notify"
	"tocsin/dispatcher/route"
)

// Setup is what a dispatcher runs from one configuration. Shared and immutable.
type Setup struct {
	// Rev is the configuration's number, which claims are made under.
	Rev          uint64
	Routes       *route.Tree
	InhibitRules []amcommon.InhibitRule
	Intervals    *timeinterval.Intervener
	// Template renders route labels; nil if no route has any.
	Template *template.Template
	// Receivers are the integrations of each receiver that a route names.
	Receivers map[string][]Integration
}

// Integration is one way in which a receiver is told.
type Integration interface {
	// Identity names it within its receiver.
	Identity() string
	SendResolved() bool
	// Send makes one try and returns when it has ended.
	Send(ctx context.Context, m *notify.Message) notify.Result
	// Begun counts a notification, once for all its tries; Failed counts one
	// that was given up for one of notify.Reasons.
	Begun()
	Failed(reason string)
}

// SetupOf is the part of a configuration that a dispatcher runs. Notifications
// are counted in metrics, which may be nil.
func SetupOf(c *config.Config, metrics *notify.Metrics) Setup {
	s := Setup{
		Rev: c.Rev, Routes: c.Routes, InhibitRules: c.InhibitRules, Intervals: c.Intervals,
		Template: c.Template, Receivers: make(map[string][]Integration, len(c.Receivers)),
	}
	for name, r := range c.Receivers {
		for _, i := range r.Integrations {
			s.Receivers[name] = append(s.Receivers[name], integration{i, metrics})
		}
	}
	return s
}

// integration is one of package notify with the metrics that it is counted in.
type integration struct {
	*notify.Integration
	metrics *notify.Metrics
}

// Begun implements Integration.
func (i integration) Begun() { i.metrics.Begun(i.Integration) }

// Failed implements Integration.
func (i integration) Failed(reason string) { i.metrics.Failed(i.Integration, reason) }
