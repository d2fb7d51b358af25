package admin

import (
	"net"
	"net/http"

	"github.com/labstack/echo/v4"

	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
)

func (a *API) getPeers(c echo.Context) error {
	st := a.opts.Cluster()
	answer.JSON(c.Response(), http.StatusOK, struct {
		Peers []peerJSON `json:"peers"`
	}{peersOf(&st)})
	return nil
}

// newPeer is the body of POST /raft/peers.
type newPeer struct {
	ID      model.NodeID `json:"id"`
	Address string       `json:"address"`
	Voter   *bool        `json:"voter"`
}

// maxID bounds what is taken for a node's ID or name.
const maxID = 128

func (a *API) addPeer(c echo.Context) error {
	var p newPeer
	if err := readBody(c, &p); err != nil {
		return err
	}
	if p.ID == "" || len(p.ID) > maxID {
		return badRequest("id is missing, or is none", "a node says its ID at its start and in its status")
	}
	if _, _, err := net.SplitHostPort(p.Address); err != nil {
		return badRequest("address is not host:port", "it is the node's Raft address")
	}
	voter := p.Voter == nil || *p.Voter
	if err := a.opts.Members.AddPeer(c.Request().Context(), p.ID, p.Address, voter); err != nil {
		return err
	}
	a.opts.Logger.Info("A node was added to the cluster", "id", p.ID, "address", p.Address, "from", c.RealIP())
	return a.getPeers(c)
}

func (a *API) removePeer(c echo.Context) error {
	id := model.NodeID(c.Param("id"))
	if err := a.opts.Members.RemovePeer(c.Request().Context(), id); err != nil {
		return err
	}
	a.opts.Logger.Info("A node was removed from the cluster", "id", id, "from", c.RealIP())
	return a.getPeers(c)
}

func (a *API) transferLeadership(c echo.Context) error {
	var to struct {
		ID model.NodeID `json:"id"`
	}
	if c.Request().ContentLength != 0 {
		if err := readBody(c, &to); err != nil {
			return err
		}
	}
	if err := a.opts.Members.TransferLeadership(c.Request().Context(), to.ID); err != nil {
		return err
	}
	a.opts.Logger.Info("Leadership was handed over", "to", to.ID, "from", c.RealIP())
	return a.getPeers(c)
}
