package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Snapshot streams a backup of the node's state to w; stale: also one that may
// be behind. What is written is whole only if it can be read back.
func (c *Client) Snapshot(ctx context.Context, w io.Writer, stale bool) error {
	r := request{method: http.MethodGet, path: []string{rootAdmin, "snapshot"}}
	if stale {
		r.query = url.Values{"stale": {"true"}}
	}
	req, err := c.build(ctx, r)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/octet-stream, application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // the status says enough
		return refusal(resp, body)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("copy from %s: %w", c.Address(), err)
	}
	return nil
}

// RestoreOptions say how to restore.
type RestoreOptions struct{ Force, DryRun, Tokens bool }

// Restored is what a restore changed, or would change.
type Restored struct {
	DryRun          bool      `json:"dry_run,omitempty"`
	Cluster         string    `json:"cluster_id"`
	Index           uint64    `json:"index"`
	Created         time.Time `json:"created"`
	Foreign         bool      `json:"foreign,omitempty"`
	OtherLine       bool      `json:"other_line,omitempty"`
	ConfigFrom      uint64    `json:"config_from,omitempty"`
	ConfigRev       uint64    `json:"config_rev,omitempty"`
	SilencesCreated int       `json:"silences_created"`
	SilencesChanged int       `json:"silences_changed"`
	SilencesExpired int       `json:"silences_expired"`
	Doubted         int       `json:"doubted"`
	Settings        int       `json:"settings"`
	Tokens          []string  `json:"tokens,omitempty"`
	Changes         int       `json:"changes"`
}

// Restore has the cluster go by a backup again.
func (c *Client) Restore(ctx context.Context, backup io.Reader, o RestoreOptions) (Restored, error) {
	query := url.Values{}
	for name, on := range map[string]bool{"force": o.Force, "dry_run": o.DryRun, "api_tokens": o.Tokens} {
		if on {
			query.Set(name, "true")
		}
	}
	req, err := c.build(ctx, request{method: http.MethodPost, path: []string{rootAdmin, "snapshot", "restore"}, query: query})
	if err != nil {
		return Restored{}, err
	}
	req.Body, req.ContentLength = io.NopCloser(backup), -1
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := c.http.Do(req)
	if err != nil {
		return Restored{}, c.unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return Restored{}, c.unreachable(err)
	}
	if resp.StatusCode >= 300 {
		return Restored{}, refusal(resp, body)
	}
	var out Restored
	if err := json.Unmarshal(body, &out); err != nil {
		return Restored{}, fmt.Errorf("read the answer of %s: %w: is it a Tocsin node?", c.Address(), err)
	}
	return out, nil
}

// Schedule says how nodes back up by themselves.
type Schedule struct {
	EverySeconds int64    `json:"every_seconds"`
	Keep         int      `json:"keep"`
	Dir          string   `json:"dir"`
	Recipients   []string `json:"recipients,omitempty"`
}

// Scheduled is a schedule and the last backup that a node made by it.
type Scheduled struct {
	Schedule
	Last struct {
		At    string `json:"at,omitempty"`
		File  string `json:"file,omitempty"`
		Bytes int64  `json:"bytes,omitempty"`
		Error string `json:"error,omitempty"`
	} `json:"last"`
}

var schedulePath = []string{rootAdmin, "snapshot", "schedule"}

// Schedule is how nodes back up by themselves, and how the node did.
func (c *Client) Schedule(ctx context.Context) (out Scheduled, err error) {
	err = c.do(ctx, request{method: http.MethodGet, path: schedulePath}, &out)
	return out, err
}

// SetSchedule changes it for all nodes.
func (c *Client) SetSchedule(ctx context.Context, s Schedule) (out Scheduled, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: schedulePath, body: s}, &out)
	return out, err
}
