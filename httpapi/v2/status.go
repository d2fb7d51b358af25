package v2

import (
	"net/http"

	"github.com/go-openapi/strfmt"
	"github.com/labstack/echo/v4"

	"tocsin/httpapi/answer"
)

// The answers of GET /status, with their fields in Alertmanager's order.
type (
	nodeStatus struct {
		Cluster     clusterStatus   `json:"cluster"`
		Config      configStatus    `json:"config"`
		Uptime      strfmt.DateTime `json:"uptime"`
		VersionInfo versionInfo     `json:"versionInfo"`
	}
	clusterStatus struct {
		Name   string       `json:"name,omitempty"`
		Peers  []peerStatus `json:"peers"`
		Status string       `json:"status"`
	}
	peerStatus struct {
		Address string `json:"address"`
		Name    string `json:"name"`
	}
	configStatus struct {
		Original string `json:"original"`
	}
	versionInfo struct {
		Branch    string `json:"branch"`
		BuildDate string `json:"buildDate"`
		BuildUser string `json:"buildUser"`
		GoVersion string `json:"goVersion"`
		Revision  string `json:"revision"`
		Version   string `json:"version"`
	}
)

func (a *API) getStatus(c echo.Context) error {
	b := a.opts.Build
	answer.JSON(c.Response(), http.StatusOK, nodeStatus{
		Cluster: a.clusterStatus(),
		Config:  configStatus{Original: a.config().Original},
		Uptime:  strfmt.DateTime(a.opts.Started),
		VersionInfo: versionInfo{
			Branch: b.Branch, BuildDate: b.BuildDate, BuildUser: b.BuildUser,
			GoVersion: b.GoVersion, Revision: b.Revision, Version: b.Version,
		},
	})
	return nil
}

func (a *API) clusterStatus() clusterStatus {
	st := a.opts.Cluster()
	out := clusterStatus{Status: st.Status(), Peers: []peerStatus{}}
	if !st.Enabled {
		return out
	}
	out.Name = st.Name
	for _, p := range st.Alive() {
		out.Peers = append(out.Peers, peerStatus{Address: p.Gossip, Name: p.Name})
	}
	return out
}
