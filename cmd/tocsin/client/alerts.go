package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Alert is an alert as a node shows it.
type Alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	Fingerprint  string            `json:"fingerprint"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
	Receivers    []Receiver        `json:"receivers"`
	Status       AlertStatus       `json:"status"`
}

// Receiver is a receiver's name.
type Receiver struct {
	Name string `json:"name"`
}

// AlertStatus says whether an alert is told, and if not, what keeps it back.
type AlertStatus struct {
	State       string   `json:"state"`
	SilencedBy  []string `json:"silencedBy"`
	InhibitedBy []string `json:"inhibitedBy"`
	MutedBy     []string `json:"mutedBy"`
}

// PostableAlert is an alert as a node takes it. Zero times are left to the node.
type PostableAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt,omitzero"`
	EndsAt       time.Time         `json:"endsAt,omitzero"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// AlertQuery chooses alerts.
type AlertQuery struct {
	Active, Silenced, Inhibited, Unprocessed bool
	// Receiver is a regular expression, anchored at both ends.
	Receiver string
	// Filter are matchers that must all match.
	Filter []string
}

// Alerts lists the alerts that the query chooses.
func (c *Client) Alerts(ctx context.Context, q AlertQuery) ([]Alert, error) {
	query := url.Values{
		"active":      {strconv.FormatBool(q.Active)},
		"silenced":    {strconv.FormatBool(q.Silenced)},
		"inhibited":   {strconv.FormatBool(q.Inhibited)},
		"unprocessed": {strconv.FormatBool(q.Unprocessed)},
		"filter":      q.Filter,
	}
	if q.Receiver != "" {
		query.Set("receiver", q.Receiver)
	}
	var out []Alert
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootV2, "alerts"}, query: query}, &out)
	return out, err
}

// PostAlerts gives alerts to the node.
func (c *Client) PostAlerts(ctx context.Context, alerts ...PostableAlert) error {
	return c.do(ctx, request{method: http.MethodPost, path: []string{rootV2, "alerts"}, body: alerts}, nil)
}
