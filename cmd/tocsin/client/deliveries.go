package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Delivery is a row of the delivery history: a message, or a failed try.
type Delivery struct {
	Seq         uint64    `json:"seq"`
	ID          string    `json:"id"`
	Receiver    string    `json:"receiver"`
	Integration string    `json:"integration"`
	Group       string    `json:"group"`
	Node        string    `json:"node"`
	NodeName    string    `json:"node_name,omitempty"`
	Outcome     string    `json:"outcome"`
	Reason      string    `json:"reason"`
	Firing      uint32    `json:"firing"`
	Resolved    uint32    `json:"resolved"`
	Tries       uint32    `json:"tries"`
	At          time.Time `json:"at,omitzero"`
	TookMillis  int64     `json:"took_ms"`
	Error       string    `json:"error,omitempty"`
	Degraded    bool      `json:"degraded,omitempty"`
	// Unmerged: sent without a quorum, and in no history yet. Seq is 0.
	Unmerged bool `json:"unmerged,omitempty"`
}

// DeliveryQuery chooses rows; empty fields choose all.
type DeliveryQuery struct {
	Receiver, Group, Integration, Outcome string
	Before                                uint64
	Limit                                 int
}

// Deliveries are rows of the delivery history, newest first.
func (c *Client) Deliveries(ctx context.Context, q DeliveryQuery) ([]Delivery, error) {
	query := url.Values{"limit": {strconv.Itoa(q.Limit)}}
	for name, value := range map[string]string{
		"receiver": q.Receiver, "group": q.Group, "integration": q.Integration, "outcome": q.Outcome,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.Before != 0 {
		query.Set("before", strconv.FormatUint(q.Before, 10))
	}
	var out struct {
		Deliveries []Delivery `json:"deliveries"`
	}
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "deliveries"}, query: query}, &out)
	return out.Deliveries, err
}
