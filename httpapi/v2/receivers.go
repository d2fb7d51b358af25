package v2

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher/alert"
	"tocsin/httpapi/answer"
)

func (a *API) getReceivers(c echo.Context) error {
	ms, err := receiverMatchersOf(c.QueryParams())
	if err != nil {
		return err
	}
	wanted := alert.NewFilter(ms)
	out := []receiver{}
	for _, r := range a.config().Receivers {
		if wanted.MatchMap(r.Labels) {
			out = append(out, receiver{Labels: r.Labels, Name: r.Name})
		}
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

// receiver is a view.Receiver with its fields in the API's order.
type receiver struct {
	Labels map[string]string `json:"labels,omitempty"`
	Name   string            `json:"name"`
}
