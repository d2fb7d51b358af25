package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// ConfigDiff is how two versions of the configuration differ. Secrets are
// masked.
type ConfigDiff struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
	DiffText
}

// DiffText is a difference.
type DiffText struct {
	// Diff is a unified diff; empty if there is nothing to see.
	Diff string `json:"diff"`
	// Secrets are the places of secrets that differ.
	Secrets []string `json:"secrets,omitempty"`
	// Silent: only remarks or the layout differ.
	Silent bool `json:"silent,omitempty"`
}

// DiffConfig compares two versions; from 0 is the one before to, to 0 the
// active one.
func (c *Client) DiffConfig(ctx context.Context, from, to uint64) (ConfigDiff, error) {
	query := url.Values{}
	for name, rev := range map[string]uint64{"from": from, "to": to} {
		if rev != 0 {
			query.Set(name, strconv.FormatUint(rev, 10))
		}
	}
	var out ConfigDiff
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "config", "diff"}, query: query}, &out)
	return out, err
}

// Route is one route of the configuration with those below it.
type Route struct {
	ID             string   `json:"id"`
	Receiver       string   `json:"receiver"`
	Matchers       []string `json:"matchers,omitempty"`
	Continue       bool     `json:"continue,omitempty"`
	GroupBy        []string `json:"group_by,omitempty"`
	GroupWait      string   `json:"group_wait"`
	GroupInterval  string   `json:"group_interval"`
	RepeatInterval string   `json:"repeat_interval"`
	Routes         []Route  `json:"routes,omitempty"`
}

// Routes is the routing tree of a version; 0 is the active one.
func (c *Client) Routes(ctx context.Context, rev uint64) (Route, error) {
	var out struct {
		Route Route `json:"route"`
	}
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "config", "routes"}, query: revQuery(rev)}, &out)
	return out.Route, err
}

// Taken is where an alert goes.
type Taken struct {
	Rev       uint64       `json:"rev,omitempty"`
	Receivers []string     `json:"receivers"`
	Routes    []TakenRoute `json:"routes"`
}

// TakenRoute is one route that an alert takes, and the group it falls into.
type TakenRoute struct {
	ID       string `json:"id"`
	Receiver string `json:"receiver"`
	GroupKey string `json:"group_key"`
}

// TestRoutes says where an alert with these labels, each name=value, goes by a
// version; 0 is the active one.
func (c *Client) TestRoutes(ctx context.Context, rev uint64, labels []string) (Taken, error) {
	query := revQuery(rev)
	query["label"] = labels
	var out Taken
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "config", "routes", "test"}, query: query}, &out)
	return out, err
}

func revQuery(rev uint64) url.Values {
	query := url.Values{}
	if rev != 0 {
		query.Set("rev", strconv.FormatUint(rev, 10))
	}
	return query
}

// ConfigPlan is what would change if the cluster ran a configuration now.
type ConfigPlan struct {
	Base    uint64 `json:"base_rev"`
	Changes bool   `json:"changes"`
	DiffText
	Problems   []Problem `json:"problems,omitempty"`
	Objections []struct {
		Node     string    `json:"node"`
		Problems []Problem `json:"problems"`
	} `json:"objections,omitempty"`
	Receivers struct {
		Added   []string `json:"added,omitempty"`
		Removed []string `json:"removed,omitempty"`
		Changed []string `json:"changed,omitempty"`
	} `json:"receivers"`
	Alerts int `json:"alerts"`
	Moves  []struct {
		Alerts  int               `json:"alerts"`
		Example map[string]string `json:"example"`
		From    []Place           `json:"from"`
		To      []Place           `json:"to"`
	} `json:"moves"`
	Notifications []struct {
		DeliveryKey
		Reason  string            `json:"reason"`
		Firing  int               `json:"firing"`
		Example map[string]string `json:"example"`
	} `json:"notifications"`
	LeftOpen []struct {
		DeliveryKey
		Alerts  int               `json:"alerts"`
		Example map[string]string `json:"example"`
	} `json:"left_open"`
	More bool `json:"more,omitempty"`
}

// DeliveryKey names who is told of what.
type DeliveryKey struct {
	Receiver    string `json:"receiver"`
	Integration string `json:"integration"`
	Group       string `json:"group"`
}

// Place is a group of a receiver that an alert goes to.
type Place struct {
	Receiver string `json:"receiver"`
	Group    string `json:"group"`
	Muted    string `json:"muted,omitempty"`
}

// PlanConfig says what a proposal would change, and changes nothing.
func (c *Client) PlanConfig(ctx context.Context, p Proposal) (ConfigPlan, error) {
	var out ConfigPlan
	err := c.do(ctx, request{method: http.MethodPost, path: []string{rootAdmin, "config", "plan"}, body: p}, &out)
	return out, err
}
