package heritage

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/silence/silencepb"

	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
)

// Silences reads an Alertmanager's file of silences: all that are kept at now,
// expired ones included, ascending by ID. Those that mean something else here, or
// nothing, are left out and said. Error: ErrDamaged, beside what could be read.
//
// retention is how long a silence is kept after its end.
func Silences(r io.Reader, now, retention model.Millis) ([]model.Silence, []LeftOut, error) {
	byID := make(map[string]model.Silence)
	var out []LeftOut
	err := each(r, func() *silencepb.MeshSilence { return new(silencepb.MeshSilence) }, func(m *silencepb.MeshSilence) {
		s, why := silenceOf(m.Silence)
		switch {
		case why != "":
			out = append(out, LeftOut{What: m.GetSilence().GetId(), Why: why})
		case s.EndsAt+retention < now:
			// Alertmanager would forget it at its next cleaning up.
		default:
			byID[s.ID] = s // of an ID that is there twice the last counts
		}
	})
	all := slices.SortedFunc(maps.Values(byID), func(a, b model.Silence) int { return cmp.Compare(a.ID, b.ID) })
	return all, out, err
}

// silenceOf is a silence of ours, or why there is none.
func silenceOf(p *silencepb.Silence) (model.Silence, string) {
	if p == nil || p.Id == "" {
		return model.Silence{}, "it has no ID"
	}
	if len(p.ReceiverMatcherSets) > 0 {
		return model.Silence{}, "it is for some receivers only, which Tocsin has no word for; without that it would mute more than it should"
	}
	s := model.Silence{
		ID: p.Id, CreatedBy: p.CreatedBy, Comment: p.Comment,
		StartsAt: millis(p.StartsAt), EndsAt: millis(p.EndsAt), UpdatedAt: millis(p.UpdatedAt),
	}
	if len(p.Comments) > 0 { // of versions before 0.6
		s.Comment, s.CreatedBy = p.Comments[0].GetComment(), p.Comments[0].GetAuthor()
	}
	sets := p.MatcherSets
	if len(sets) == 0 {
		sets = []*silencepb.MatcherSet{{Matchers: p.Matchers}}
	}
	for _, set := range sets {
		matchers, why := matchersOf(set.GetMatchers())
		if why != "" {
			return model.Silence{}, why
		}
		s.MatcherSets = append(s.MatcherSets, matchers)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Annotations)) {
		s.Annotations = append(s.Annotations, model.Pair{Name: name, Value: p.Annotations[name]})
	}
	if s.EndsAt < s.StartsAt {
		return model.Silence{}, "it ends before it starts"
	}
	if err := silence.Validate(&s); err != nil {
		return model.Silence{}, strings.TrimPrefix(err.Error(), silence.ErrInvalid.Error()+": ")
	}
	return s, ""
}

func matchersOf(ps []*silencepb.Matcher) ([]model.Matcher, string) {
	var out []model.Matcher
	for _, p := range ps {
		m := model.Matcher{Name: p.GetName(), Value: p.GetPattern()}
		switch p.GetType() {
		case silencepb.Matcher_EQUAL:
			m.Type = model.MatchEqual
		case silencepb.Matcher_REGEXP:
			m.Type = model.MatchRegexp
		case silencepb.Matcher_NOT_EQUAL:
			m.Type = model.MatchNotEqual
		case silencepb.Matcher_NOT_REGEXP:
			m.Type = model.MatchNotRegexp
		default:
			return nil, "it has a matcher of an unknown kind"
		}
		out = append(out, m)
	}
	return out, ""
}
