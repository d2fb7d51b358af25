package admin

import (
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/answer"
)

// joinTokenJSON is a join token. Token is only in the answer that makes it.
type joinTokenJSON struct {
	ID      string    `json:"id"`
	Created string    `json:"created,omitempty"`
	By      string    `json:"created_by,omitempty"`
	Expires string    `json:"expires,omitempty"`
	Expired bool      `json:"expired,omitempty"`
	Uses    int       `json:"uses"`
	Used    []useJSON `json:"used"`
	Token   string    `json:"token,omitempty"`
}

type useJSON struct {
	Node string `json:"node"`
	At   string `json:"at"`
}

func (a *API) joinTokenOf(t *JoinToken) joinTokenJSON {
	out := joinTokenJSON{
		ID: t.ID, Created: stampTime(t.Created), By: t.CreatedBy, Expires: stampTime(t.Expires),
		Expired: !t.Expires.IsZero() && a.opts.Now().After(t.Expires), Uses: t.Uses, Used: []useJSON{}, Token: t.Text,
	}
	for _, u := range t.Used {
		out.Used = append(out.Used, useJSON{string(u.Node), stampTime(u.At)})
	}
	return out
}

func stampTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func (a *API) getJoinTokens(c echo.Context) error {
	out := struct {
		Required bool            `json:"required"`
		Tokens   []joinTokenJSON `json:"tokens"`
	}{a.opts.Joining.RequiresJoinToken(), []joinTokenJSON{}}
	for _, t := range a.opts.Joining.JoinTokens() {
		out.Tokens = append(out.Tokens, a.joinTokenOf(&t))
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

// newJoinToken is the body of POST /raft/tokens.
type newJoinToken struct {
	// TTL is in seconds; 0 = an hour. Uses: 0 = once, below 0 = any number.
	TTL  int64 `json:"ttl_seconds"`
	Uses int   `json:"uses"`
}

func (a *API) createJoinToken(c echo.Context) error {
	n := newJoinToken{TTL: 3600, Uses: 1}
	if c.Request().ContentLength != 0 {
		if err := readBody(c, &n); err != nil {
			return err
		}
	}
	if n.TTL < 1 || n.TTL > int64(MaxJoinTTL.Seconds()) {
		return badRequest("ttl_seconds must be from 1 to ten years", "")
	}
	if n.Uses < 0 || n.Uses > MaxJoinUses {
		return badRequest("uses must be from 1 to 1000, or 0 for any number", "")
	}
	t, err := a.opts.Joining.CreateJoinToken(c.Request().Context(), time.Duration(n.TTL)*time.Second, n.Uses)
	if err != nil {
		return err
	}
	a.opts.Logger.Info("A join token was made", "id", t.ID, "uses", t.Uses, "expires", t.Expires, "from", c.RealIP())
	answer.JSON(c.Response(), http.StatusCreated, a.joinTokenOf(&t))
	return nil
}

func (a *API) revokeJoinToken(c echo.Context) error {
	found, err := a.opts.Joining.RevokeJoinToken(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	if !found {
		return &fault{http.StatusNotFound, faultBody{Error: "there is no such join token", Hint: "GET raft/tokens lists them"}}
	}
	return a.getJoinTokens(c)
}

func (a *API) setJoinPolicy(c echo.Context) error {
	var p struct {
		Required bool `json:"required"`
	}
	if err := readBody(c, &p); err != nil {
		return err
	}
	changed, err := a.opts.Joining.RequireJoinToken(c.Request().Context(), p.Required)
	if err != nil {
		return err
	}
	answer.JSON(c.Response(), http.StatusOK, map[string]bool{"required": p.Required, "changed": changed})
	return nil
}

// maxJoinText bounds the text of a join token in a request.
const maxJoinText = 1024

func (a *API) join(c echo.Context) error {
	var j struct {
		Address string `json:"address"`
		Token   string `json:"token"`
	}
	if err := readBody(c, &j); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(j.Address); err != nil {
		return badRequest("address is not host:port", "it is the port between nodes of a member, 9095 unless it was changed")
	}
	if len(j.Token) > maxJoinText {
		return badRequest("token is no join token", "")
	}
	did, err := a.opts.Joining.JoinAt(c.Request().Context(), j.Address, j.Token)
	if err != nil {
		return err
	}
	a.opts.Logger.Info("This node was told to join", "address", j.Address, "did", did, "from", c.RealIP())
	answer.JSON(c.Response(), http.StatusOK, map[string]string{"did": did})
	return nil
}
