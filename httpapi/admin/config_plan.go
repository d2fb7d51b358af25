package admin

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher/plan"
	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
)

// Planner says what would change if the cluster ran another version.
type Planner interface {
	// Plan looks at a version of which only texts are set, and that Check found
	// nothing wrong with.
	Plan(context.Context, *model.ConfigVersion) (plan.Plan, error)
	// Objections are the voters that could not load the version, with why.
	Objections(context.Context, *model.ConfigVersion) []Invalid
}

// planJSON is the answer of POST /config/plan.
type planJSON struct {
	// Base is the version that runs now.
	Base uint64 `json:"base_rev"`
	// Changes: an apply would make a version that says something else.
	Changes bool `json:"changes"`
	diffText
	Problems   []Problem       `json:"problems,omitempty"`
	Objections []objectionJSON `json:"objections,omitempty"`
	Receivers  receiversJSON   `json:"receivers"`
	Alerts     int             `json:"alerts"`
	Moves      []moveJSON      `json:"moves"`
	Tells      []tellJSON      `json:"notifications"`
	Orphans    []orphanJSON    `json:"left_open"`
	// More: the lists are cut.
	More bool `json:"more,omitempty"`
}

type (
	objectionJSON struct {
		Node     string    `json:"node"`
		Problems []Problem `json:"problems"`
	}
	receiversJSON struct {
		Added   []string `json:"added,omitempty"`
		Removed []string `json:"removed,omitempty"`
		Changed []string `json:"changed,omitempty"`
	}
	placeJSON struct {
		Receiver string `json:"receiver"`
		Group    string `json:"group"`
		Muted    string `json:"muted,omitempty"`
	}
	moveJSON struct {
		Alerts  int               `json:"alerts"`
		Example map[string]string `json:"example"`
		From    []placeJSON       `json:"from"`
		To      []placeJSON       `json:"to"`
	}
	tellJSON struct {
		keyJSON
		Reason  string            `json:"reason"`
		Firing  int               `json:"firing"`
		Example map[string]string `json:"example"`
	}
	orphanJSON struct {
		keyJSON
		Alerts  int               `json:"alerts"`
		Example map[string]string `json:"example"`
	}
)

// planConfig says what would change, and changes nothing.
func (a *API) planConfig(c echo.Context) error {
	var p proposal
	if err := readBody(c, &p); err != nil {
		return err
	}
	v, err := a.proposed(&p)
	if err != nil {
		return err
	}
	active := a.opts.Versions.Active()
	out := planJSON{Base: revOf(active), Moves: []moveJSON{}, Tells: []tellJSON{}, Orphans: []orphanJSON{}}
	if out.Problems = a.opts.Versions.Check(v); len(out.Problems) > 0 {
		answer.JSON(c.Response(), http.StatusOK, out)
		return nil
	}
	if out.diffText, err = diffOf(active, v); err != nil {
		return err
	}
	out.Changes = out.Diff != "" || len(out.Secrets) > 0
	for _, o := range a.opts.Planner.Objections(c.Request().Context(), v) {
		out.Objections = append(out.Objections, objectionJSON{o.Node, o.Problems})
	}
	found, err := a.opts.Planner.Plan(c.Request().Context(), v)
	if err != nil {
		return err
	}
	out.fill(&found)
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func (out *planJSON) fill(p *plan.Plan) {
	out.Alerts = p.Alerts
	out.Receivers = receiversJSON{Added: p.Added, Removed: p.Removed, Changed: p.Changed}
	for i := range bounded(p.Moves, &out.More) {
		m := &p.Moves[i]
		out.Moves = append(out.Moves, moveJSON{Alerts: m.Alerts, Example: m.Example.Map(), From: placesOf(m.From), To: placesOf(m.To)})
	}
	for i := range bounded(p.Tells, &out.More) {
		t := &p.Tells[i]
		out.Tells = append(out.Tells, tellJSON{keyOf(t.Key), t.Reason.String(), t.Firing, t.Example.Map()})
	}
	for i := range bounded(p.Orphans, &out.More) {
		o := &p.Orphans[i]
		out.Orphans = append(out.Orphans, orphanJSON{keyOf(o.Key), o.Alerts, o.Example.Map()})
	}
}

// bounded is the part of a list that an answer shows.
func bounded[T any](all []T, more *bool) []T {
	if len(all) <= MaxLimit {
		return all
	}
	*more = true
	return all[:MaxLimit]
}

func placesOf(places []plan.Place) []placeJSON {
	out := []placeJSON{}
	for _, p := range places {
		out = append(out, placeJSON(p))
	}
	return out
}
