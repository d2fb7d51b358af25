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

// listed is an alert of an answer in the making.
type listed struct {
	alert     *alert.Alert
	status    dispatcher.AlertStatus
	receivers []string
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
	list := a.list(filter, receivers, statesOf(q))
	b := newBuffer(c.Response())
	b.b = append(b.b, '[')
	for i := range list {
		if i > 0 {
			b.b = append(b.b, ',')
		}
		b.alert(list[i].alert, &list[i].status, list[i].receivers)
		if !b.spill() {
			break
		}
	}
	b.b = append(b.b, ']')
	a.gone(c, b.finish())
	return nil
}

// list is the alerts to show, by fingerprint. The cheap questions come first.
func (a *API) list(filter alert.Filter, receivers *receiverFilter, show states) []listed {
	now := a.opts.Now().UnixNano()
	var out []listed
	for r := range a.opts.Alerts.All() {
		al := r.Load()
		if al.EndsAt != 0 && al.EndsAt < now || !filter.Match(al.Labels) {
			continue
		}
		names := a.opts.Dispatcher.Receivers(al)
		if !receivers.any(names) {
			continue
		}
		if st := a.opts.Dispatcher.Status(al); show.show(&st) {
			out = append(out, listed{al, st, names})
		}
	}
	slices.SortFunc(out, func(x, y listed) int {
		return cmp.Or(alert.CompareFingerprint(x.alert, y.alert), alert.Compare(x.alert, y.alert))
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
	if err := batch.Err(); err != nil {
		a.opts.Logger.Warn("Some of the posted alerts were refused",
			"refused", len(batch.Invalid), "taken", len(batch.Alerts), "from", c.RealIP(), "err", batch.Invalid[0])
		return refusef(http.StatusBadRequest, "%v", err)
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
