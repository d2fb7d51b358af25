package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// JoinTokens are a cluster's join tokens.
type JoinTokens struct {
	// Required: nodes need one to join.
	Required bool        `json:"required"`
	Tokens   []JoinToken `json:"tokens"`
}

// JoinToken lets nodes into a cluster.
type JoinToken struct {
	ID        string    `json:"id"`
	Created   time.Time `json:"created,omitzero"`
	CreatedBy string    `json:"created_by,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
	Expired   bool      `json:"expired,omitempty"`
	Uses      int       `json:"uses"` // 0 = any number
	Used      []JoinUse `json:"used"`
	// Token is the token itself, only in the answer that makes it.
	Token string `json:"token,omitempty"`
}

// JoinUse is one node that has joined.
type JoinUse struct {
	Node string    `json:"node"`
	At   time.Time `json:"at"`
}

// NewJoinToken is a join token that is to be made.
type NewJoinToken struct {
	TTL  int64 `json:"ttl_seconds"`
	Uses int   `json:"uses"`
}

// Security is how the nodes know each other.
type Security struct {
	TLS         bool `json:"tls"`
	Own         bool `json:"own_certificates"`
	Required    bool `json:"join_token_required"`
	Certificate struct {
		Issued time.Time `json:"issued,omitzero"`
		Due    time.Time `json:"renewal_due,omitzero"`
		Ends   time.Time `json:"ends,omitzero"`
	} `json:"certificate"`
	AuthorityEnds time.Time  `json:"authority_ends,omitzero"`
	Keys          []KeyState `json:"keys"`
}

// KeyState is how a kind of keys stands.
type KeyState struct {
	Kind     string   `json:"kind"`
	Using    string   `json:"using"`
	Changing bool     `json:"changing"`
	Step     string   `json:"step,omitempty"`
	Waits    []string `json:"waits_for,omitempty"`
}

func raftPath(more ...string) []string { return append([]string{rootAdmin, "raft"}, more...) }

// JoinTokens are the cluster's.
func (c *Client) JoinTokens(ctx context.Context) (JoinTokens, error) {
	var out JoinTokens
	return out, c.do(ctx, request{method: http.MethodGet, path: raftPath("tokens")}, &out)
}

// CreateJoinToken makes one.
func (c *Client) CreateJoinToken(ctx context.Context, n NewJoinToken) (JoinToken, error) {
	var out JoinToken
	return out, c.do(ctx, request{method: http.MethodPost, path: raftPath("tokens"), body: n}, &out)
}

// RevokeJoinToken drops one.
func (c *Client) RevokeJoinToken(ctx context.Context, id string) (JoinTokens, error) {
	var out JoinTokens
	return out, c.do(ctx, request{method: http.MethodDelete, path: raftPath("tokens", url.PathEscape(id))}, &out)
}

// RequireJoinToken closes the cluster or opens it, and reports whether that was
// a change.
func (c *Client) RequireJoinToken(ctx context.Context, on bool) (changed bool, err error) {
	var out struct {
		Changed bool `json:"changed"`
	}
	err = c.do(ctx, request{method: http.MethodPut, path: raftPath("join-policy"), body: map[string]bool{"required": on}}, &out)
	return out.Changed, err
}

// Join has the node join the cluster of the one at address, and says what it did.
func (c *Client) Join(ctx context.Context, address, token string) (did string, err error) {
	var out struct {
		Did string `json:"did"`
	}
	body := map[string]string{"address": address, "token": token}
	err = c.do(ctx, request{method: http.MethodPost, path: raftPath("join"), body: body}, &out)
	return out.Did, err
}

// Security is how the nodes know each other.
func (c *Client) Security(ctx context.Context) (Security, error) {
	var out Security
	return out, c.do(ctx, request{method: http.MethodGet, path: raftPath("security")}, &out)
}

// RotateKeys begins to replace keys: gossip, ca or certs.
func (c *Client) RotateKeys(ctx context.Context, kind string) (Security, error) {
	var out Security
	return out, c.do(ctx, request{method: http.MethodPost, path: raftPath("keys", "rotate"), body: map[string]string{"kind": kind}}, &out)
}
