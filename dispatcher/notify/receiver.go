package notify

import (
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	upstream "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/notify/pagerduty"
	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/alertmanager/template"
	commoncfg "github.com/prometheus/common/config"

	"tocsin/dispatcher/event"
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
	// Events writes down what was sent; nil nothing.
	Events *event.Recorder
}

// Build makes the integrations of a receiver. It keeps rc and may fill in
// defaults there. The errors of all integrations are joined.
func Build(rc amconfig.Receiver, o Options) (*Receiver, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, c := range rc.PagerdutyConfigs {
		presetSeverity(c)
	}
	built, err := receiver.BuildReceiverIntegrations(rc, o.Template, o.Logger, o.HTTP...)
	if err != nil {
		return nil, fmt.Errorf("build receiver %q: %w", rc.Name, err)
	}
	r := &Receiver{Name: rc.Name, Labels: rc.Labels}
	for _, u := range built {
		r.Integrations = append(r.Integrations, newIntegration(rc, u, o))
	}
	return r, nil
}

// presetSeverity does what the notifier would do on each send, where it would
// race with another send.
func presetSeverity(c *pagerduty.PagerdutyConfig) {
	if c.Severity == "" {
		c.Severity = "error"
	}
}

func newIntegration(rc amconfig.Receiver, u upstream.Integration, o Options) *Integration {
	conf := configOf(rc, u.Name(), u.Index())
	i := &Integration{
		identity: o.Identities(u.Name(), u.Index()),
		receiver: rc.Name,
		upstream: u,
		secrets:  secretsOf(conf),
		metrics:  o.Metrics,
		events:   o.Events,
		logger:   o.Logger.With("receiver", rc.Name, "integration", u.String()),
	}
	if c, ok := conf.(*amconfig.EmailConfig); ok {
		i.watched = true
		i.upstream = upstream.NewIntegration(newMail(c, o.Template, i.logger), c, u.Name(), u.Index(), rc.Name)
		return i
	}
	if takesTurns(u.Name()) {
		i.turn = make(chan struct{}, 1)
	}
	client := clientOf(u)
	if client == nil {
		return i
	}
	rec := &recorder{next: client.Transport, current: &i.current}
	if c, ok := conf.(*webhook.WebhookConfig); ok {
		rec.header, rec.body = !setsHeader(c.HTTPConfig, idempotencyKey), c.Payload == nil
	}
	client.Transport = rec
	i.watched = true
	return i
}

// takesTurns reports whether a type's notifier changes itself while it sends, so
// that one must end before the next begins: Telegram's sets the token of its
// client, WeChat's keeps an access token.
func takesTurns(name string) bool { return name == "telegram" || name == "wechat" }

// setsHeader reports whether a configuration sets a header by itself; then its
// value counts.
func setsHeader(c *commoncfg.HTTPClientConfig, name string) bool {
	if c == nil || c.HTTPHeaders == nil {
		return false
	}
	for h := range c.HTTPHeaders.Headers {
		if http.CanonicalHeaderKey(h) == name {
			return true
		}
	}
	return false
}

// configOf is the configuration of one integration, found by the key of its
// list: webhook_configs for a webhook. It is nil for a type that is not there.
func configOf(rc amconfig.Receiver, name string, index int) any {
	v := reflect.ValueOf(rc)
	for f := range v.Type().NumField() {
		key, _, _ := strings.Cut(v.Type().Field(f).Tag.Get("yaml"), ",")
		if key == name+"_configs" && index < v.Field(f).Len() {
			return v.Field(f).Index(index).Interface()
		}
	}
	return nil
}
