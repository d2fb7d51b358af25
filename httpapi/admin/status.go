package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
	"tocsin/httpapi/view"
)

// The answer of GET /status.
type (
	status struct {
		Node    nodeJSON    `json:"node"`
		Cluster clusterJSON `json:"cluster"`
		Peers   []peerJSON  `json:"peers"`
		Build   view.Build  `json:"build"`
	}
	nodeJSON struct {
		ID                model.NodeID `json:"id"`
		Name              string       `json:"name"`
		State             string       `json:"state"`
		Ready             bool         `json:"ready"`
		Waiting           string       `json:"waiting,omitempty"`
		Storage           string       `json:"storage_error,omitempty"`
		Started           string       `json:"started"`
		DegradedSince     string       `json:"degraded_since,omitempty"`
		Term              uint64       `json:"term"`
		Committed         uint64       `json:"committed_index"`
		Applied           uint64       `json:"applied_index"`
		StateHash         string       `json:"state_hash"`
		ConfigRev         uint64       `json:"config_rev"`
		PendingDeliveries int          `json:"pending_deliveries"`
		PendingOverlays   int          `json:"pending_overlays"`
	}
	clusterJSON struct {
		ID      model.ClusterID `json:"id"`
		Enabled bool            `json:"enabled"`
		Status  string          `json:"status"`
		Leader  *peerJSON       `json:"leader"`
		Quorum  quorumJSON      `json:"quorum"`
	}
	quorumJSON struct {
		Held      bool   `json:"held"`
		LostAt    string `json:"lost_at,omitempty"`
		Reachable int    `json:"reachable"`
		Voters    int    `json:"voters"`
	}
	peerJSON struct {
		ID            model.NodeID `json:"id"`
		Name          string       `json:"name"`
		Role          string       `json:"role"`
		Self          bool         `json:"self"`
		Alive         bool         `json:"alive"`
		Gossip        string       `json:"gossip_address"`
		Raft          string       `json:"raft_address"`
		API           string       `json:"api_address,omitempty"`
		Version       string       `json:"version,omitempty"`
		ConfigRev     uint64       `json:"config_rev,omitempty"`
		Degraded      bool         `json:"degraded,omitempty"`
		StorageFailed bool         `json:"storage_failed,omitempty"`
		Voter         bool         `json:"voter,omitempty"`
		Silent        bool         `json:"silent,omitempty"`
		Draining      bool         `json:"draining,omitempty"`
		Applied       uint64       `json:"applied_index,omitempty"`
		// Lag is in log entries behind the newest state; null if not known.
		Lag      *int64 `json:"lag,omitempty"`
		Contact  string `json:"last_contact,omitempty"`
		Commands uint32 `json:"command_version,omitempty"`
		LastSeen string `json:"last_seen,omitempty"`
		// ClockSkew is in seconds, ahead of most clocks; null if not known.
		ClockSkew      *float64 `json:"clock_skew_seconds,omitempty"`
		ClockCorrected bool     `json:"clock_corrected,omitempty"`
	}
)

func (a *API) getStatus(c echo.Context) error {
	st := a.opts.Cluster()
	out := status{
		Node: nodeJSON{
			ID: st.Self, Name: st.Name, State: st.State, Ready: st.Ready, Waiting: st.Waiting, Storage: st.Storage,
			Started: stamp(a.opts.Started), DegradedSince: stamp(st.DegradedSince),
			Term: st.Term, Committed: st.Committed, Applied: st.Applied, StateHash: hex64(st.StateHash),
			ConfigRev: st.ConfigRev, PendingDeliveries: st.PendingDeliveries, PendingOverlays: st.PendingOverlays,
		},
		Cluster: clusterJSON{
			ID: st.ID, Enabled: st.Enabled, Status: st.Status(),
			Quorum: quorumJSON{
				Held: st.Quorum.Held, LostAt: stamp(st.Quorum.LostAt),
				Reachable: st.Quorum.Reachable, Voters: st.Quorum.Voters,
			},
		},
		Peers: peersOf(&st),
		Build: a.opts.Build,
	}
	for i := range out.Peers {
		if p := &out.Peers[i]; p.ID == st.Leader && st.Leader != "" {
			out.Cluster.Leader = p
		}
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func peersOf(st *view.Cluster) []peerJSON {
	out := []peerJSON{}
	for _, p := range st.Sorted() {
		out = append(out, peerJSON{
			ID: p.ID, Name: p.Name, Role: st.Role(&p), Self: p.ID == st.Self, Alive: p.Alive,
			Gossip: p.Gossip, Raft: p.Raft, API: p.API, Version: p.Version, ConfigRev: p.ConfigRev,
			Degraded: p.Degraded, StorageFailed: p.StorageFailed, LastSeen: stamp(p.LastSeen),
			Voter: p.Voter, Silent: p.Silent, Draining: p.Draining, Applied: p.Applied, Lag: lagOf(st, &p),
			Contact: stamp(p.Contact), Commands: p.Commands,
			ClockSkew: skewOf(&p), ClockCorrected: p.ClockCorrected,
		})
	}
	return out
}

func lagOf(st *view.Cluster, p *view.Peer) *int64 {
	lag := st.Lag(p)
	if lag < 0 {
		return nil
	}
	return &lag
}

// skewOf is a clock's skew in seconds, to the millisecond; nil if not known.
func skewOf(p *view.Peer) *float64 {
	if !p.ClockKnown {
		return nil
	}
	seconds := p.ClockSkew.Round(time.Millisecond).Seconds()
	return &seconds
}

// stamp is a time as this API writes it; "" for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func stampMillis(t model.Millis) string {
	if t == 0 {
		return ""
	}
	return stamp(time.UnixMilli(int64(t)))
}

// hex64 is 16 hexadecimal digits: a number of 64 bits is more than JSON's
// readers can hold.
func hex64(n uint64) string {
	s := strconv.FormatUint(n, 16)
	return "0000000000000000"[len(s):] + s
}
