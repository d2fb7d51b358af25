package admin

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/access"
	"tocsin/httpapi/answer"
	"tocsin/httpapi/refusal"
)

// fault is an error with its answer.
type fault struct {
	status int
	body   faultBody
}

type faultBody struct {
	Error    string    `json:"error"`
	Hint     string    `json:"hint,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
	// Since are the versions that came in between, newest first.
	Since []versionJSON `json:"since,omitempty"`
}

// Error is the sentence of the answer.
func (f *fault) Error() string { return f.body.Error }

func badRequest(text, hint string) error {
	return &fault{http.StatusBadRequest, faultBody{Error: text, Hint: hint}}
}

// Fault answers an error that a handler returned or that routing met. It is the
// API's part of echo's HTTPErrorHandler.
func (a *API) Fault(err error, c echo.Context) {
	c.Response().Header().Set("Cache-Control", "no-store")
	if r, ok := refusal.From(err); ok {
		c.Response().Header().Set("Retry-After", r.Header())
	}
	f := a.faultOf(err, c)
	answer.JSON(c.Response(), f.status, f.body)
}

func (a *API) faultOf(err error, c echo.Context) *fault {
	var own *fault
	var invalid *Invalid
	var no *access.Refusal
	var he *echo.HTTPError
	r, refused := refusal.From(err)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &no):
		return &fault{no.Status, faultBody{Error: no.Text, Hint: no.Hint}}
	case errors.As(err, &invalid):
		return &fault{http.StatusUnprocessableEntity, faultBody{
			Error: invalid.Error(), Hint: "mend what problems lists, and try again", Problems: invalid.Problems,
		}}
	case refused:
		a.opts.Logger.Warn("A write was refused", "path", c.Path(), "from", c.RealIP(), "cause", r.Cause)
		return &fault{http.StatusServiceUnavailable, faultBody{
			Error: r.Error(), Hint: "look at /api/tocsin/v1/status on the other nodes",
		}}
	case errors.As(err, &he):
		return routing(he, c)
	default:
		return a.denied(err, c)
	}
}

// routing is for what the router met, or the check of the body's origin.
func routing(he *echo.HTTPError, c echo.Context) *fault {
	text := fmt.Sprint(he.Message)
	switch he.Code {
	case http.StatusNotFound:
		text = "there is no " + c.Request().URL.Path
	case http.StatusMethodNotAllowed:
		text = c.Request().Method + " is not for this path"
	}
	return &fault{he.Code, faultBody{Error: text}}
}

// denied is for what the cluster understood and would not apply.
func (a *API) denied(err error, c echo.Context) *fault {
	status, hint := 0, ""
	switch {
	case errors.Is(err, refusal.ErrConflict):
		status, hint = http.StatusConflict, "read it again, and base the change on what is there now"
	case errors.Is(err, refusal.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, refusal.ErrLimit), errors.Is(err, refusal.ErrInvalid):
		status = http.StatusUnprocessableEntity
	default:
		a.opts.Logger.Error("A request failed", "path", c.Path(), "from", c.RealIP(), "err", err)
		return &fault{http.StatusInternalServerError, faultBody{Error: "internal error", Hint: "the reason is in the node's log"}}
	}
	var d *refusal.Denied
	if errors.As(err, &d) {
		err = d
	}
	return &fault{status, faultBody{Error: err.Error(), Hint: hint}}
}
