package admin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/access"
	"tocsin/httpapi/answer"
	"tocsin/httpapi/refusal"
)

// tokenJSON is a token. Secret is only in the answer that makes it.
type tokenJSON struct {
	Name      string      `json:"name"`
	Role      access.Role `json:"role"`
	ID        string      `json:"id"`
	Created   string      `json:"created,omitempty"`
	CreatedBy string      `json:"created_by,omitempty"`
	Expires   string      `json:"expires,omitempty"`
	Expired   bool        `json:"expired,omitempty"`
	Secret    string      `json:"secret,omitempty"`
}

func (a *API) tokenOf(t *access.Token) tokenJSON {
	return tokenJSON{
		Name: t.Name, Role: t.Role, ID: t.ID, Created: stampMillis(t.Created), CreatedBy: t.CreatedBy,
		Expires: stampMillis(t.Expires), Expired: t.Expired(a.opts.Now()),
	}
}

func (a *API) getTokens(c echo.Context) error {
	out := struct {
		Tokens []tokenJSON `json:"tokens"`
	}{[]tokenJSON{}}
	for _, t := range a.opts.Keys.Tokens() {
		out.Tokens = append(out.Tokens, a.tokenOf(&t))
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

// newToken is the body of POST /tokens.
type newToken struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// TTL is in seconds; 0 = for ever.
	TTL int64 `json:"ttl_seconds"`
}

func (a *API) createToken(c echo.Context) error {
	var n newToken
	if err := readBody(c, &n); err != nil {
		return err
	}
	role, err := access.ParseRole(n.Role)
	if err != nil {
		return badRequest(err.Error(), "")
	}
	if n.TTL < 0 || n.TTL > int64(access.MaxTTL.Seconds()) {
		return badRequest("ttl_seconds must be from 0, which is for ever, to 100 years", "")
	}
	t, secret, err := a.opts.Keys.Create(c.Request().Context(), access.NewToken{
		Name: n.Name, Role: role, TTL: time.Duration(n.TTL) * time.Second,
	})
	switch {
	case errors.Is(err, access.ErrNewToken):
		return badRequest(err.Error(), "")
	case errors.Is(err, refusal.ErrConflict):
		return &fault{http.StatusConflict, faultBody{
			Error: fmt.Sprintf("there is a token %q already", n.Name), Hint: "revoke it first, or take another name",
		}}
	case err != nil:
		return err
	}
	out := a.tokenOf(&t)
	out.Secret = secret
	answer.JSON(c.Response(), http.StatusCreated, out)
	return nil
}

func (a *API) revokeToken(c echo.Context) error {
	name := c.Param("name")
	found, err := a.opts.Keys.Revoke(c.Request().Context(), name)
	if err != nil {
		return err
	}
	if !found {
		return &fault{http.StatusNotFound, faultBody{Error: "there is no such token", Hint: "GET tokens lists them"}}
	}
	return a.getTokens(c)
}

// accessJSON is what those without a token may do.
type accessJSON struct {
	Anonymous access.Role `json:"anonymous"`
	// Tokens is how many there are.
	Tokens int `json:"tokens"`
}

func (a *API) getAccess(c echo.Context) error {
	answer.JSON(c.Response(), http.StatusOK, accessJSON{a.opts.Keys.Anonymous(), len(a.opts.Keys.Tokens())})
	return nil
}

func (a *API) setAccess(c echo.Context) error {
	var set struct {
		Anonymous string `json:"anonymous"`
	}
	if err := readBody(c, &set); err != nil {
		return err
	}
	role, err := access.ParseRole(set.Anonymous)
	if err != nil {
		return badRequest(err.Error(), "")
	}
	err = a.opts.Keys.SetAnonymous(c.Request().Context(), role)
	if errors.Is(err, access.ErrAnonymous) {
		return badRequest(err.Error(), "")
	}
	if err != nil {
		return err
	}
	return a.getAccess(c)
}
