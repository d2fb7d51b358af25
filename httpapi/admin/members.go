package admin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

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

// lookWithin bounds asking all nodes before they are listed.
const lookWithin = 1500 * time.Millisecond

func (a *API) listPeers(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), lookWithin)
	defer cancel()
	a.opts.Members.LookAround(ctx)
	return a.getPeers(c)
}

// changePeer is a handler that changes a member.
func (a *API) changePeer(verb string) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := url.PathUnescape(c.Param("id"))
		if err != nil || id == "" || len(id) > maxID {
			return badRequest("the path names no node", "give its ID or its name")
		}
		change := PeerChange{Verb: verb}
		if change.Force, err = flag(c, "force"); err != nil {
			return err
		}
		if verb == "address" {
			if change.Address, err = newAddress(c); err != nil {
				return err
			}
		}
		did, err := a.opts.Members.ChangePeer(c.Request().Context(), id, change)
		if err != nil {
			return err
		}
		a.opts.Logger.Info("A member was changed", "verb", verb, "node", id, "did", did, "from", c.RealIP())
		return a.answerDid(c, did)
	}
}

func newAddress(c echo.Context) (string, error) {
	var body struct {
		Address string `json:"address"`
	}
	if err := readBody(c, &body); err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(body.Address)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || host == "" || n < 1 || n > 65535 || len(body.Address) > maxAddress {
		return "", badRequest(fmt.Sprintf("address %q is not host:port", body.Address), "it is where the node's port between nodes is, 9095 by default")
	}
	return body.Address, nil
}

// maxAddress bounds an address.
const maxAddress = 300

// answerDid says what was done, and how the members are now.
func (a *API) answerDid(c echo.Context, did string) error {
	st := a.opts.Cluster()
	answer.JSON(c.Response(), http.StatusOK, struct {
		Did   string     `json:"did"`
		Peers []peerJSON `json:"peers"`
	}{did, peersOf(&st)})
	return nil
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
	did, err := a.opts.Members.TransferLeadership(c.Request().Context(), to.ID)
	if err != nil {
		return err
	}
	a.opts.Logger.Info("Leadership was handed over", "to", to.ID, "did", did, "from", c.RealIP())
	return a.answerDid(c, did)
}

func (a *API) getAutopilot(c echo.Context) error {
	answer.JSON(c.Response(), http.StatusOK, a.opts.Members.Autopilot())
	return nil
}

func (a *API) setAutopilot(c echo.Context) error {
	var s Autopilot
	if err := readBody(c, &s); err != nil {
		return err
	}
	if err := a.opts.Members.SetAutopilot(c.Request().Context(), s); err != nil {
		return err
	}
	a.opts.Logger.Info("The autopilot was set", "cleanup", s.Cleanup, "dead_after_seconds", s.DeadAfterSeconds, "min_quorum", s.MinQuorum, "from", c.RealIP())
	return a.getAutopilot(c)
}
