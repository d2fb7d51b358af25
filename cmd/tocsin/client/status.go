package client

import (
	"context"
	"net/http"
	"time"
)

// Status is a node and its cluster as that node sees it.
type Status struct {
	Node    NodeStatus    `json:"node"`
	Cluster ClusterStatus `json:"cluster"`
	Peers   []Peer        `json:"peers"`
	Build   Build         `json:"build"`
}

// NodeStatus is the node that answered.
type NodeStatus struct {
	ID                string    `json:"id"`
	Name              string    `json:"name"`
	State             string    `json:"state"`
	Ready             bool      `json:"ready"`
	Waiting           string    `json:"waiting,omitempty"`
	Storage           string    `json:"storage_error,omitempty"`
	Started           time.Time `json:"started"`
	DegradedSince     time.Time `json:"degraded_since,omitzero"`
	Term              uint64    `json:"term"`
	Committed         uint64    `json:"committed_index"`
	Applied           uint64    `json:"applied_index"`
	StateHash         string    `json:"state_hash"`
	ConfigRev         uint64    `json:"config_rev"`
	PendingDeliveries int       `json:"pending_deliveries"`
	PendingOverlays   int       `json:"pending_overlays"`
}

// ClusterStatus is the cluster.
type ClusterStatus struct {
	ID      string `json:"id"`
	Enabled bool   `json:"enabled"`
	Status  string `json:"status"`
	Leader  *Peer  `json:"leader"`
	Quorum  Quorum `json:"quorum"`
}

// Quorum says whether the cluster can write.
type Quorum struct {
	Held      bool      `json:"held"`
	LostAt    time.Time `json:"lost_at,omitzero"`
	Reachable int       `json:"reachable"`
	Voters    int       `json:"voters"`
}

// Peer is a node of the cluster.
type Peer struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Role          string `json:"role"`
	Self          bool   `json:"self"`
	Alive         bool   `json:"alive"`
	Gossip        string `json:"gossip_address"`
	Raft          string `json:"raft_address"`
	API           string `json:"api_address,omitempty"`
	Version       string `json:"version,omitempty"`
	ConfigRev     uint64 `json:"config_rev,omitempty"`
	Degraded      bool   `json:"degraded,omitempty"`
	StorageFailed bool   `json:"storage_failed,omitempty"`
	Voter         bool   `json:"voter,omitempty"`
	Silent        bool   `json:"silent,omitempty"`
	Draining      bool   `json:"draining,omitempty"`
	Applied       uint64 `json:"applied_index,omitempty"`
	// Lag is in log entries behind the newest state; nil if not known.
	Lag         *int64    `json:"lag,omitempty"`
	LastContact time.Time `json:"last_contact,omitzero"`
	Commands    uint32    `json:"command_version,omitempty"`
	LastSeen    time.Time `json:"last_seen,omitzero"`
	// ClockSkew is in seconds, ahead of most clocks; nil if not known.
	ClockSkew      *float64 `json:"clock_skew_seconds,omitempty"`
	ClockCorrected bool     `json:"clock_corrected,omitempty"`
}

// Build says what program the node is.
type Build struct {
	Version   string `json:"version"`
	Revision  string `json:"revision"`
	Branch    string `json:"branch"`
	BuildUser string `json:"buildUser"`
	BuildDate string `json:"buildDate"`
	GoVersion string `json:"goVersion"`
}

// Status is how the node and its cluster are.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var out Status
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "status"}}, &out)
	return out, err
}

type peers struct {
	Peers []Peer `json:"peers"`
}

// Peers are the nodes of the cluster.
func (c *Client) Peers(ctx context.Context) ([]Peer, error) {
	var out peers
	err := c.do(ctx, request{method: http.MethodGet, path: []string{rootAdmin, "raft", "peers"}}, &out)
	return out.Peers, err
}

// NewPeer is a node that is to become a member.
type NewPeer struct {
	ID      string `json:"id"`
	Address string `json:"address"`
}

// AddPeer makes a node a member.
func (c *Client) AddPeer(ctx context.Context, p NewPeer) ([]Peer, error) {
	var out peers
	err := c.do(ctx, request{method: http.MethodPost, path: []string{rootAdmin, "raft", "peers"}, body: p}, &out)
	return out.Peers, err
}
