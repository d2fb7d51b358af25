package notify

import (
	"time"

	upstream "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are Alertmanager's metrics about notifications. A nil *Metrics counts
// nothing. Safe for concurrent use.
type Metrics struct {
	perReceiver    bool
	notifications  *prometheus.CounterVec
	failed         *prometheus.CounterVec
	requests       *prometheus.CounterVec
	requestsFailed *prometheus.CounterVec
	latency        *prometheus.HistogramVec
}

// MetricsOptions are what NewMetrics needs.
type MetricsOptions struct {
	// Registerer takes the metrics; nil registers them nowhere.
	Registerer prometheus.Registerer
	// ReceiverNames adds the label receiver_name, as Alertmanager's feature
	// receiver-name-in-metrics does.
	ReceiverNames bool
}

// Types are the names of all integrations, ascending.
func Types() []string {
	return []string{
		"discord", "email", "incidentio", "jira", "mattermost", "msteams", "msteamsv2", "opsgenie", "pagerduty",
		"pushover", "rocketchat", "slack", "sns", "telegram", "victorops", "webex", "webhook", "wechat",
	}
}

// Reasons are the reasons for which a notification fails, in Alertmanager's
// words and order.
func Reasons() []string {
	var out []string
	for _, r := range []upstream.Reason{
		upstream.DefaultReason, upstream.ClientErrorReason, upstream.ServerErrorReason, upstream.ContextCanceledReason,
		upstream.ContextDeadlineExceededReason, upstream.AuthErrorReason, upstream.RateLimitedReason,
	} {
		out = append(out, r.String())
	}
	return out
}

// NewMetrics makes the metrics and registers them. It panics if they are
// registered already, which is a fault in the wiring.
func NewMetrics(o MetricsOptions) *Metrics {
	names := []string{"integration"}
	if o.ReceiverNames {
		names = append(names, "receiver_name")
	}
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "alertmanager", Name: name, Help: help}, append(append([]string{}, names...), more...))
		if o.Registerer != nil {
			o.Registerer.MustRegister(c)
		}
		return c
	}
	m := &Metrics{
		perReceiver:    o.ReceiverNames,
		notifications:  counter("notifications_total", "Notifications that were begun."),
		failed:         counter("notifications_failed_total", "Notifications that were given up.", "reason"),
		requests:       counter("notification_requests_total", "Tries to send a notification."),
		requestsFailed: counter("notification_requests_failed_total", "Tries to send a notification that failed."),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "alertmanager", Name: "notification_latency_seconds", Help: "How long tries to send took, in seconds.",
			Buckets:                     []float64{1, 5, 10, 15, 20},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, names),
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(m.latency)
	}
	if !o.ReceiverNames {
		for _, t := range Types() {
			m.prepare(t)
		}
	}
	return m
}

// Prepare makes the series of these receivers, so that they read 0 before
// anything is sent, and forgets those of receivers that are gone. Without
// receiver names all series are there from the start.
func (m *Metrics) Prepare(receivers []*Receiver) {
	if m == nil || !m.perReceiver {
		return
	}
	for _, v := range []*prometheus.CounterVec{m.notifications, m.failed, m.requests, m.requestsFailed} {
		v.Reset()
	}
	m.latency.Reset()
	for _, r := range receivers {
		for _, i := range r.Integrations {
			m.prepare(i.Name(), r.Name)
		}
	}
}

func (m *Metrics) prepare(values ...string) {
	m.notifications.WithLabelValues(values...)
	m.requests.WithLabelValues(values...)
	m.requestsFailed.WithLabelValues(values...)
	m.latency.WithLabelValues(values...)
	for _, reason := range Reasons() {
		m.failed.WithLabelValues(append(values[:len(values):len(values)], reason)...)
	}
}

// Begun counts a notification, once for all its tries.
func (m *Metrics) Begun(i *Integration) {
	if m != nil {
		m.notifications.WithLabelValues(m.values(i)...).Inc()
	}
}

// Failed counts a notification that was given up on this node, for one of
// Reasons.
func (m *Metrics) Failed(i *Integration, reason string) {
	if m != nil {
		m.failed.WithLabelValues(append(m.values(i), reason)...).Inc()
	}
}

// tried counts one request.
func (m *Metrics) tried(i *Integration, took time.Duration, err error) {
	if m == nil {
		return
	}
	values := m.values(i)
	m.latency.WithLabelValues(values...).Observe(took.Seconds())
	m.requests.WithLabelValues(values...).Inc()
	if err != nil {
		m.requestsFailed.WithLabelValues(values...).Inc()
	}
}

func (m *Metrics) values(i *Integration) []string {
	if m.perReceiver {
		return []string{i.Name(), i.receiver}
	}
	return []string{i.Name()}
}
