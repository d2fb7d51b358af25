package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tocsin/httpapi/answer"
)

// getDoctor tells what all nodes know of themselves and of what they reach. Each
// opens connections for it, so it is not for everybody.
func (a *API) getDoctor(c echo.Context) error {
	if a.opts.Doctor == nil {
		return &fault{http.StatusNotFound, faultBody{Error: "this node tells no facts"}}
	}
	answer.JSON(c.Response(), http.StatusOK, struct {
		Nodes any `json:"nodes"`
	}{a.opts.Doctor(c.Request().Context())})
	return nil
}
