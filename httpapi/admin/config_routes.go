package admin

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/route"
	"tocsin/httpapi/answer"
)

// routeJSON is one route with those below it.
type routeJSON struct {
	ID             string      `json:"id"`
	Receiver       string      `json:"receiver"`
	Matchers       []string    `json:"matchers,omitempty"`
	Continue       bool        `json:"continue,omitempty"`
	GroupBy        []string    `json:"group_by,omitempty"`
	GroupWait      string      `json:"group_wait"`
	GroupInterval  string      `json:"group_interval"`
	RepeatInterval string      `json:"repeat_interval"`
	Routes         []routeJSON `json:"routes,omitempty"`
}

func routeOf(r *route.Route) routeJSON {
	out := routeJSON{
		ID: r.ID, Receiver: r.Receiver, Continue: r.Continue, GroupBy: r.GroupBy,
		GroupWait: r.GroupWait.String(), GroupInterval: r.GroupInterval.String(), RepeatInterval: r.RepeatInterval.String(),
	}
	if r.GroupByAll {
		out.GroupBy = []string{"..."}
	}
	for _, m := range r.Matchers {
		out.Matchers = append(out.Matchers, m.String())
	}
	for _, child := range r.Routes {
		out.Routes = append(out.Routes, routeOf(child))
	}
	return out
}

func (a *API) getRoutes(c echo.Context) error {
	v, tree, err := a.routes(c)
	if err != nil {
		return err
	}
	answer.JSON(c.Response(), http.StatusOK, struct {
		Rev   uint64    `json:"rev"`
		Route routeJSON `json:"route"`
	}{v, routeOf(tree.Root())})
	return nil
}

// takenJSON is a route that labels take.
type takenJSON struct {
	ID       string `json:"id"`
	Receiver string `json:"receiver"`
	GroupKey string `json:"group_key"`
}

// maxLabels bounds how many labels are tested.
const maxLabels = 128

// testRoutes says which receivers an alert with these labels reaches, one for
// each route that it takes.
func (a *API) testRoutes(c echo.Context) error {
	labels, err := labelParams(c.QueryParams()["label"])
	if err != nil {
		return err
	}
	v, tree, err := a.routes(c)
	if err != nil {
		return err
	}
	out := struct {
		Rev       uint64      `json:"rev"`
		Receivers []string    `json:"receivers"`
		Routes    []takenJSON `json:"routes"`
	}{Rev: v}
	for _, r := range tree.Match(labels) {
		out.Routes = append(out.Routes, takenJSON{ID: r.ID, Receiver: r.Receiver, GroupKey: r.GroupKey(r.GroupLabels(labels))})
		out.Receivers = append(out.Receivers, r.Receiver)
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func labelParams(texts []string) (alert.Labels, error) {
	if len(texts) > maxLabels {
		return nil, badRequest(fmt.Sprintf("there are more than %d labels", maxLabels), "")
	}
	set := make(map[string]string)
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, badRequest(fmt.Sprintf("label %q is not name=value", text), "give label=NAME=VALUE as often as there are labels")
		}
		if value != "" {
			set[name] = value
		}
	}
	return alert.NewLabels(set), nil
}

// routes is the routing tree of the version that the parameter rev names.
func (a *API) routes(c echo.Context) (uint64, *route.Tree, error) {
	v, err := a.versionParam(c, "rev")
	if err != nil {
		return 0, nil, err
	}
	tree, err := config.Routes(v)
	return v.Rev, tree, err
}
