package v2

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/go-openapi/strfmt"

	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
)

// gettableSilence is a silence as it is answered, with its fields in
// Alertmanager's order and MatcherSets, which is ours, at the end.
type gettableSilence struct {
	ID          string            `json:"id"`
	Status      silenceStatus     `json:"status"`
	UpdatedAt   strfmt.DateTime   `json:"updatedAt"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Comment     string            `json:"comment"`
	CreatedBy   string            `json:"createdBy"`
	EndsAt      strfmt.DateTime   `json:"endsAt"`
	Matchers    []matcher         `json:"matchers"`
	StartsAt    strfmt.DateTime   `json:"startsAt"`
	MatcherSets [][]matcher       `json:"matcherSets,omitempty"`
}

type silenceStatus struct {
	State string `json:"state"`
}

type matcher struct {
	IsEqual bool   `json:"isEqual"`
	IsRegex bool   `json:"isRegex"`
	Name    string `json:"name"`
	Value   string `json:"value"`
}

func gettable(s *model.Silence, now model.Millis) gettableSilence {
	g := gettableSilence{
		ID: s.ID, Status: silenceStatus{s.State(now).String()},
		UpdatedAt: dateTime(s.UpdatedAt), StartsAt: dateTime(s.StartsAt), EndsAt: dateTime(s.EndsAt),
		Comment: s.Comment, CreatedBy: s.CreatedBy, Matchers: []matcher{},
	}
	if len(s.Annotations) > 0 {
		g.Annotations = make(map[string]string, len(s.Annotations))
		for _, p := range s.Annotations {
			g.Annotations[p.Name] = p.Value
		}
	}
	if len(s.MatcherSets) > 0 {
		g.Matchers = matchersJSON(s.MatcherSets[0])
	}
	if len(s.MatcherSets) > 1 {
		for _, set := range s.MatcherSets {
			g.MatcherSets = append(g.MatcherSets, matchersJSON(set))
		}
	}
	return g
}

func matchersJSON(set []model.Matcher) []matcher {
	out := make([]matcher, 0, len(set))
	for _, m := range set {
		out = append(out, matcher{
			IsEqual: m.Type == model.MatchEqual || m.Type == model.MatchRegexp,
			IsRegex: m.Type == model.MatchRegexp || m.Type == model.MatchNotRegexp,
			Name:    m.Name, Value: m.Value,
		})
	}
	return out
}

func dateTime(t model.Millis) strfmt.DateTime {
	return strfmt.DateTime(time.UnixMilli(int64(t)).UTC())
}

// postableSilence is a silence as clients send it. Pointers tell what is
// missing from what is empty.
type postableSilence struct {
	ID          string               `json:"id"`
	Matchers    []*postableMatcher   `json:"matchers"`
	MatcherSets [][]*postableMatcher `json:"matcherSets"`
	StartsAt    *strfmt.DateTime     `json:"startsAt"`
	EndsAt      *strfmt.DateTime     `json:"endsAt"`
	CreatedBy   *string              `json:"createdBy"`
	Comment     *string              `json:"comment"`
	Annotations map[string]string    `json:"annotations"`
}

type postableMatcher struct {
	Name    *string `json:"name"`
	Value   *string `json:"value"`
	IsRegex *bool   `json:"isRegex"`
	IsEqual *bool   `json:"isEqual"`
}

// maxSilenceBody bounds the body of a silence. The longest that make sense are
// some kilobytes: an expression over many host names.
const maxSilenceBody = 1 << 20

// readSilence reads and checks a posted silence. Its errors are faults.
func readSilence(w http.ResponseWriter, r *http.Request) (*postableSilence, error) {
	var s postableSilence
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxSilenceBody)).Decode(&s)
	if errors.Is(err, io.EOF) {
		return nil, faultf(codeRequired, "silence in body is required")
	}
	if status, text, ok := answer.BodyFault(err); ok {
		return nil, faultf(status, "%s", text)
	}
	if err != nil {
		return nil, faultf(http.StatusBadRequest, `parsing silence body from "" failed, because %v`, err)
	}
	return &s, s.check()
}

// check finds what the framework under Alertmanager would find, and says the
// first in the order of the fields' names.
func (s *postableSilence) check() error {
	switch {
	case s.Comment == nil:
		return missing("comment")
	case s.CreatedBy == nil:
		return missing("createdBy")
	case s.EndsAt == nil:
		return missing("endsAt")
	}
	if s.MatcherSets == nil {
		if err := checkMatchers("matchers", s.Matchers); err != nil {
			return err
		}
	}
	for i, set := range s.MatcherSets {
		if err := checkMatchers(fmt.Sprintf("matcherSets.%d", i), set); err != nil {
			return err
		}
	}
	if s.StartsAt == nil {
		return missing("startsAt")
	}
	return nil
}

func checkMatchers(field string, set []*postableMatcher) error {
	if set == nil {
		return missing(field)
	}
	if len(set) == 0 {
		return faultf(codeMinItems, "%s in body should have at least 1 items", field)
	}
	for i, m := range set {
		at := fmt.Sprintf("%s.%d", field, i)
		switch {
		case m == nil:
			return missing(at)
		case m.IsRegex == nil:
			return missing(at + ".isRegex")
		case m.Name == nil:
			return missing(at + ".name")
		case m.Value == nil:
			return missing(at + ".value")
		}
	}
	return nil
}

func missing(field string) error { return faultf(codeRequired, "%s in body is required", field) }

// silence is the checked body as a silence. An empty start is the epoch, as in
// Alertmanager, which counts as not set: now.
func (s *postableSilence) silence() model.Silence {
	out := model.Silence{
		ID:        s.ID,
		StartsAt:  millis(*s.StartsAt),
		EndsAt:    millis(*s.EndsAt),
		CreatedBy: *s.CreatedBy,
		Comment:   *s.Comment,
	}
	for n, v := range s.Annotations {
		out.Annotations = append(out.Annotations, model.Pair{Name: n, Value: v})
	}
	slices.SortFunc(out.Annotations, func(a, b model.Pair) int { return cmp.Compare(a.Name, b.Name) })
	sets := s.MatcherSets
	if sets == nil {
		sets = [][]*postableMatcher{s.Matchers}
	}
	for _, set := range sets {
		out.MatcherSets = append(out.MatcherSets, matcherSet(set))
	}
	return out
}

func matcherSet(set []*postableMatcher) []model.Matcher {
	out := make([]model.Matcher, 0, len(set))
	for _, m := range set {
		equal := m.IsEqual == nil || *m.IsEqual
		t := model.MatchEqual
		switch {
		case equal && *m.IsRegex:
			t = model.MatchRegexp
		case !equal && *m.IsRegex:
			t = model.MatchNotRegexp
		case !equal:
			t = model.MatchNotEqual
		}
		out = append(out, model.Matcher{Type: t, Name: *m.Name, Value: *m.Value})
	}
	return out
}

func millis(t strfmt.DateTime) model.Millis { return model.Millis(time.Time(t).UnixMilli()) }
