package v2

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
)

func (a *API) getSilences(c echo.Context) error {
	q := c.QueryParams()
	wanted, err := matchersOf(q, "filter")
	if err != nil {
		return refusef(http.StatusBadRequest, "%v", err)
	}
	show := map[model.SilenceState]bool{
		model.SilenceActive:  flag(q, "active"),
		model.SilencePending: flag(q, "pending"),
		model.SilenceExpired: flag(q, "expired"),
	}
	now := a.nowMillis()
	var list []*model.Silence
	for s := range a.opts.Silences.Silences() {
		if show[s.State(now)] && hasMatchers(s, wanted) {
			list = append(list, s)
		}
	}
	sortSilences(list, now)
	out := make([]gettableSilence, len(list))
	for i, s := range list {
		out[i] = gettable(s, now)
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func (a *API) getSilence(c echo.Context) error {
	id, err := silenceID(c)
	if err != nil {
		return err
	}
	s, ok := a.opts.Silences.Silence(id)
	if !ok {
		return c.NoContent(http.StatusNotFound)
	}
	answer.JSON(c.Response(), http.StatusOK, gettable(s, a.nowMillis()))
	return nil
}

func (a *API) nowMillis() model.Millis { return model.Millis(a.opts.Now().UnixMilli()) }

// silenceID is the path's ID, of which only the form is checked: any that the
// framework under Alertmanager takes for a UUID.
func silenceID(c echo.Context) (string, error) {
	id := c.Param("silenceID")
	if _, err := uuid.Parse(id); err != nil {
		return "", faultf(codeFormat, "silenceID in path must be of type uuid: %q", id)
	}
	return id, nil
}

// hasMatchers reports whether one of the silence's sets has all the wanted
// matchers, letter for letter. They are not held against labels.
func hasMatchers(s *model.Silence, wanted []*labels.Matcher) bool {
	return slices.ContainsFunc(s.MatcherSets, func(set []model.Matcher) bool {
		for _, w := range wanted {
			if !slices.Contains(set, model.Matcher{Type: matchType(w.Type), Name: w.Name, Value: w.Value}) {
				return false
			}
		}
		return true
	})
}

func matchType(t labels.MatchType) model.MatchType {
	switch t {
	case labels.MatchNotEqual:
		return model.MatchNotEqual
	case labels.MatchRegexp:
		return model.MatchRegexp
	case labels.MatchNotRegexp:
		return model.MatchNotRegexp
	default:
		return model.MatchEqual
	}
}

// sortSilences puts active ones first, the next to end in front; then pending
// ones, the next to begin in front; then expired ones, the last to end in front.
func sortSilences(list []*model.Silence, now model.Millis) {
	place := map[model.SilenceState]int{model.SilenceActive: 0, model.SilencePending: 1, model.SilenceExpired: 2}
	slices.SortFunc(list, func(x, y *model.Silence) int {
		state := x.State(now)
		if c := cmp.Compare(place[state], place[y.State(now)]); c != 0 {
			return c
		}
		var c int
		switch state {
		case model.SilenceActive:
			c = cmp.Compare(x.EndsAt, y.EndsAt)
		case model.SilencePending:
			c = cmp.Compare(x.StartsAt, y.StartsAt)
		default:
			c = cmp.Compare(y.EndsAt, x.EndsAt)
		}
		return cmp.Or(c, cmp.Compare(x.ID, y.ID))
	})
}
