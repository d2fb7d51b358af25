package client

import (
	"context"
	"net/http"
	"net/url"
)

// Did is what was done with a member, and how the nodes are now.
type Did struct {
	Did   string `json:"did"`
	Peers []Peer `json:"peers"`
}

// PeerChange is one change of a member.
type PeerChange struct {
	// Verb is remove, promote, demote or address.
	Verb    string
	Address string
	// Force does it although there would be no quorum.
	Force bool
}

// ChangePeer changes a member, which is named by its ID or name.
func (c *Client) ChangePeer(ctx context.Context, idOrName string, change PeerChange) (out Did, err error) {
	r := request{method: http.MethodPost, path: []string{rootAdmin, "raft", "peers", url.PathEscape(idOrName), change.Verb}}
	switch change.Verb {
	case "remove":
		r.method, r.path = http.MethodDelete, r.path[:len(r.path)-1]
	case "address":
		r.method, r.body = http.MethodPut, map[string]string{"address": change.Address}
	}
	if change.Force {
		r.query = url.Values{"force": {"true"}}
	}
	err = c.do(ctx, r, &out)
	return out, err
}

// TransferLeadership makes another node lead; with an empty id Raft chooses.
func (c *Client) TransferLeadership(ctx context.Context, id string) (out Did, err error) {
	body := map[string]string{"id": id}
	err = c.do(ctx, request{method: http.MethodPost, path: []string{rootAdmin, "raft", "transfer-leadership"}, body: body}, &out)
	return out, err
}

// Autopilot says how the cluster tends its members by itself.
type Autopilot struct {
	Cleanup          bool  `json:"cleanup_dead_servers"`
	DeadAfterSeconds int64 `json:"dead_after_seconds"`
	MinQuorum        int   `json:"min_quorum"`
}

var autopilotPath = []string{rootAdmin, "raft", "autopilot"}

// Autopilot is how the cluster tends its members by itself.
func (c *Client) Autopilot(ctx context.Context) (out Autopilot, err error) {
	err = c.do(ctx, request{method: http.MethodGet, path: autopilotPath}, &out)
	return out, err
}

// SetAutopilot changes that.
func (c *Client) SetAutopilot(ctx context.Context, a Autopilot) (out Autopilot, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: autopilotPath, body: a}, &out)
	return out, err
}
