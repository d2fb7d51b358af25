package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ConfigVersion is a version of the configuration. Lists leave YAML and
// Templates out. Secrets are masked.
type ConfigVersion struct {
	Rev     uint64    `json:"rev"`
	Hash    string    `json:"hash"`
	Active  bool      `json:"active"`
	Author  string    `json:"author,omitempty"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at,omitzero"`
	// Unchanged: it ran already when it was to be applied.
	Unchanged bool       `json:"unchanged,omitempty"`
	YAML      string     `json:"yaml,omitempty"`
	Templates []Template `json:"templates,omitempty"`
}

// Template is a template file.
type Template struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Proposal is a configuration to be applied: texts, or FromRev to bring an
// older version back.
type Proposal struct {
	YAML      string     `json:"yaml,omitempty"`
	Templates []Template `json:"templates,omitempty"`
	Author    string     `json:"author,omitempty"`
	Comment   string     `json:"comment,omitempty"`
	// BaseRev is the version that must be active; 0 is any.
	BaseRev uint64 `json:"base_rev,omitempty"`
	FromRev uint64 `json:"from_rev,omitempty"`
}

// Config is a version of the configuration; 0 is the active one.
func (c *Client) Config(ctx context.Context, rev uint64) (ConfigVersion, error) {
	path := []string{rootAdmin, "config"}
	if rev != 0 {
		path = append(path, strconv.FormatUint(rev, 10))
	}
	var out ConfigVersion
	err := c.do(ctx, request{method: http.MethodGet, path: path}, &out)
	return out, err
}

// ConfigHistory are the newest versions, newest first.
func (c *Client) ConfigHistory(ctx context.Context, limit int) ([]ConfigVersion, error) {
	var out struct {
		Versions []ConfigVersion `json:"versions"`
	}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "config", "history"}, query: query}, &out)
	return out.Versions, err
}

// ApplyConfig has the cluster run a configuration.
func (c *Client) ApplyConfig(ctx context.Context, p Proposal) (ConfigVersion, error) {
	var out ConfigVersion
	err := c.do(ctx, request{method: http.MethodPost, path: []string{rootAdmin, "config"}, body: p}, &out)
	return out, err
}
