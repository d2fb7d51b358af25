package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Token is an API token as a node shows it. Secret is there only when it was
// just made.
type Token struct {
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	ID        string    `json:"id"`
	Created   time.Time `json:"created,omitzero"`
	CreatedBy string    `json:"created_by,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
	Expired   bool      `json:"expired,omitempty"`
	Secret    string    `json:"secret,omitempty"`
}

// NewToken is what a token is made of.
type NewToken struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// TTL is in seconds; 0 = for ever.
	TTL int64 `json:"ttl_seconds,omitempty"`
}

type tokens struct {
	Tokens []Token `json:"tokens"`
}

// Tokens lists the API tokens.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	var out tokens
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "tokens"}}, &out)
	return out.Tokens, err
}

// CreateToken makes a token.
func (c *Client) CreateToken(ctx context.Context, n NewToken) (Token, error) {
	var out Token
	err := c.do(ctx, request{method: http.MethodPost, path: []string{rootAdmin, "tokens"}, body: n}, &out)
	return out, err
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: []string{rootAdmin, "tokens", url.PathEscape(name)}}, nil)
}

// Access is what those without a token may do.
type Access struct {
	Anonymous string `json:"anonymous"`
	Tokens    int    `json:"tokens"`
}

// Access asks what those without a token may do.
func (c *Client) Access(ctx context.Context) (Access, error) {
	var out Access
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "access"}}, &out)
	return out, err
}

// SetAccess says what those without a token may do.
func (c *Client) SetAccess(ctx context.Context, anonymous string) (Access, error) {
	var out Access
	body := map[string]string{"anonymous": anonymous}
	err := c.do(ctx, request{method: http.MethodPut, path: []string{rootAdmin, "access"}, body: body}, &out)
	return out, err
}

// AuditRow is a change that somebody made.
type AuditRow struct {
	Seq      uint64    `json:"seq"`
	At       time.Time `json:"at,omitzero"`
	Who      string    `json:"who"`
	From     string    `json:"from,omitempty"`
	Node     string    `json:"node,omitempty"`
	NodeName string    `json:"node_name,omitempty"`
	Action   string    `json:"action"`
	Target   string    `json:"target,omitempty"`
	Outcome  string    `json:"outcome"`
	Detail   string    `json:"detail,omitempty"`
	Index    uint64    `json:"index"`
}

// AuditQuery chooses rows; empty fields choose all.
type AuditQuery struct {
	Who, Action, Target string
	Since, Until        time.Time
	Before              uint64
	Limit               int
}

// Audit are rows of the audit, newest first.
func (c *Client) Audit(ctx context.Context, q AuditQuery) ([]AuditRow, error) {
	query := url.Values{"limit": {strconv.Itoa(q.Limit)}}
	for name, value := range map[string]string{"who": q.Who, "action": q.Action, "target": q.Target} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !t.IsZero() {
			query.Set(name, t.UTC().Format(time.RFC3339))
		}
	}
	if q.Before != 0 {
		query.Set("before", strconv.FormatUint(q.Before, 10))
	}
	var out struct {
		Audit []AuditRow `json:"audit"`
	}
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "audit"}, query: query}, &out)
	return out.Audit, err
}
