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
