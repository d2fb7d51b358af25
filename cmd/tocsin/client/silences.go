package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Silence is a silence as a node shows and takes it.
type Silence struct {
	ID          string            `json:"id,omitempty"`
	Status      *SilenceStatus    `json:"status,omitempty"`
	UpdatedAt   time.Time         `json:"updatedAt,omitzero"`
	Matchers    []Matcher         `json:"matchers"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	CreatedBy   string            `json:"createdBy"`
	Comment     string            `json:"comment"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// SilenceStatus is pending, active or expired.
type SilenceStatus struct {
	State string `json:"state"`
}

// Matcher is one matcher of a silence. IsEqual is a pointer because older
// files do not have it, and then it means true.
type Matcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual *bool  `json:"isEqual,omitempty"`
}

// Silences lists the silences that have all the given matchers.
func (c *Client) Silences(ctx context.Context, filter []string) ([]Silence, error) {
	var out []Silence
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootV2, "silences"}, query: url.Values{"filter": filter}}, &out)
	return out, err
}

// Silence is the silence of that ID.
func (c *Client) Silence(ctx context.Context, id string) (Silence, error) {
	var out Silence
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootV2, "silence", url.PathEscape(id)}}, &out)
	return out, err
}

// PutSilence makes or changes a silence and returns its ID, which may be a new
// one where the change could not be made in place.
func (c *Client) PutSilence(ctx context.Context, s Silence) (string, error) {
	s.Status, s.UpdatedAt = nil, time.Time{}
	var out struct {
		SilenceID string `json:"silenceID"`
	}
	err := c.do(ctx, request{method: http.MethodPost, path: []string{rootV2, "silences"}, body: s}, &out)
	return out.SilenceID, err
}

// ExpireSilence ends a silence now.
func (c *Client) ExpireSilence(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: []string{rootV2, "silence", url.PathEscape(id)}}, nil)
}
