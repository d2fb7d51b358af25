package v2

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/httpapi/answer"
	"tocsin/httpapi/intake"
)

// states are the parameters that hide alerts by their state.
type states struct{ active, silenced, inhibited bool }

func statesOf(q url.Values) states {
	return states{flag(q, "active"), flag(q, "silenced"), flag(q, "inhibited")}
}

func (s states) show(st *dispatcher.AlertStatus) bool {
	return (s.active || st.State != dispatcher.StateActive) &&
		(s.silenced || len(st.SilencedBy) == 0) &&
		(s.inhibited || len(st.InhibitedBy) == 0)
}

func (a *API) getAlerts(c echo.Context) error {
	q := c.QueryParams()
	filter, err := filterOf(q)
	if err != nil {
		return err
	}
	receivers, err := receiverFilterOf(q, a.config())
	if err != nil {
		return err
	}
	show := statesOf(q)
	b := newBuffer(c.Response())
	b.b = append(b.b, '[')
	first := true
	for _, found := range a.matching(filter) {
		names := a.opts.Dispatcher.Receivers(found.alert)
		if !receivers.any(names) {
			continue
		}
		st := a.opts.Dispatcher.Status(found.alert)
		if !show.show(&st) {
			continue
		}
		if !first {
			b.b = append(b.b, ',')
		}
		first = false
		b.alert(found.alert, &st, names)
		if !b.spill() {
			break
		}
	}
	b.b = append(b.b, ']')
	a.gone(c, b.finish())
	return nil
}

// found is an alert that the cheap questions let through, beside what it is
// sorted by.
type found struct {
	fingerprint uint64
	alert       *alert.Alert
}

// matching is the alerts that are not over and have the labels, by fingerprint.
func (a *API) matching(filter alert.Filter) []found {
	now := a.opts.Now().Add(-1) // at its very end an alert is shown
	var out []found
	for r := range a.opts.Alerts.All() {
		if al := r.Load(); !al.Resolved(now) && filter.Match(al.Labels) {
			out = append(out, found{al.Fingerprint, al})
		}
	}
	slices.SortFunc(out, func(x, y found) int {
		if c := cmp.Compare(x.fingerprint, y.fingerprint); c != 0 {
			return c
		}
		return alert.Compare(x.alert, y.alert)
	})
	return out
}

// gone says in the log that a reader left before the end of an answer.
func (a *API) gone(c echo.Context, err error) {
	if err != nil {
		a.opts.Logger.Debug("A reader left before the end of the answer", "path", c.Request().URL.Path, "err", err)
	}
}

func (a *API) postAlerts(c echo.Context) error {
	batch, err := a.opts.Intake.Take(c.Request(), "v2")
	if err != nil {
		return a.bodyRefused(c, err)
	}
	if complaint := intake.Complaint(&batch); complaint != "" {
		return refusef(http.StatusBadRequest, "%s", complaint)
	}
	return c.NoContent(http.StatusOK)
}

// bodyRefused says why a body of alerts was not taken at all.
func (a *API) bodyRefused(c echo.Context, err error) error {
	if status, text, ok := answer.BodyFault(err); ok {
		return faultf(status, "%s", text)
	}
	var be *alert.BodyError
	if errors.As(err, &be) {
		return &fault{Code: int(be.Code), Message: be.Error()}
	}
	// The sender broke off.
	a.opts.Logger.Debug("A body did not arrive", "path", c.Request().URL.Path, "err", err)
	return faultf(http.StatusBadRequest, "the request's body could not be read to its end")
}
