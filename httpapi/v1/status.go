package v1

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"gopkg.in/yaml.v3"

	"tocsin/httpapi/answer"
	"tocsin/httpapi/view"
)

// The answer of GET /status, as Alertmanager 0.16 to 0.26 had it, and Cluster.
type (
	nodeStatus struct {
		ConfigYAML    string         `json:"configYAML"`
		ConfigJSON    map[string]any `json:"configJSON"`
		VersionInfo   view.Build     `json:"versionInfo"`
		Uptime        time.Time      `json:"uptime"`
		ClusterStatus *clusterStatus `json:"clusterStatus"`
		Cluster       *clusterStatus `json:"cluster"`
	}
	clusterStatus struct {
		Name   string       `json:"name"`
		Status string       `json:"status"`
		Peers  []peerStatus `json:"peers"`
	}
	peerStatus struct {
		Name    string `json:"name"`
		Address string `json:"address"`
	}
)

func (a *API) getStatus(c echo.Context) error {
	noStore(c)
	st := nodeStatus{VersionInfo: a.opts.Build, Uptime: a.opts.Started.UTC(), ClusterStatus: a.clusterStatus()}
	st.Cluster = st.ClusterStatus
	if cfg := a.opts.Config(); cfg != nil {
		st.ConfigYAML = cfg.Original
		if err := yaml.Unmarshal([]byte(cfg.Original), &st.ConfigJSON); err != nil {
			a.opts.Logger.Error("The active configuration does not parse", "err", err)
		}
	}
	answer.JSON(c.Response(), http.StatusOK, success{Status: "success", Data: st})
	return nil
}

// clusterStatus is null for a node that runs alone, as it was there.
func (a *API) clusterStatus() *clusterStatus {
	st := a.opts.Cluster()
	if !st.Enabled {
		return nil
	}
	out := &clusterStatus{Name: st.Name, Status: st.Status(), Peers: []peerStatus{}}
	for _, p := range st.Alive() {
		out.Peers = append(out.Peers, peerStatus{Name: p.Name, Address: p.Gossip})
	}
	return out
}
