package v2

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/dispatcher/alert"
	"tocsin/httpapi/view"
)

// flag reads a query's boolean as Alertmanager's framework does: absent and
// empty are true, which is every flag's default; of the rest some words are
// true, and anything else is false.
func flag(q url.Values, name string) bool {
	v := q[name]
	if len(v) == 0 || v[len(v)-1] == "" {
		return true
	}
	switch strings.ToLower(v[len(v)-1]) {
	case "true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled":
		return true
	default:
		return false
	}
}

// matchersOf reads a parameter each of whose values is one matcher.
func matchersOf(q url.Values, name string) ([]*labels.Matcher, error) {
	out := make([]*labels.Matcher, 0, len(q[name]))
	for _, text := range q[name] {
		m, err := compat.Matcher(text, "api")
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// filterOf reads the parameter filter of alerts and groups.
func filterOf(q url.Values) (alert.Filter, error) {
	ms, err := matchersOf(q, "filter")
	if err != nil {
		return alert.Filter{}, refusef(http.StatusBadRequest, "%v", err)
	}
	return alert.NewFilter(ms), nil
}

// receiverFilter is what the parameters receiver and receiver_matchers ask of
// receivers. It is for one request, and remembers receivers that it was asked
// about.
type receiverFilter struct {
	name     *regexp.Regexp
	matchers []*labels.Matcher
	labels   alert.Filter
	config   *view.Config
	known    map[string]bool
}

func receiverFilterOf(q url.Values, c *view.Config) (*receiverFilter, error) {
	f := &receiverFilter{config: c, known: map[string]bool{}}
	if v := q["receiver"]; len(v) > 0 && v[len(v)-1] != "" {
		re, err := regexp.Compile("^(?:" + v[len(v)-1] + ")$")
		if err != nil {
			return nil, refusef(http.StatusBadRequest, "failed to parse receiver param: %v", err)
		}
		f.name = re
	}
	ms, err := receiverMatchersOf(q)
	if err != nil {
		return nil, err
	}
	f.matchers, f.labels = ms, alert.NewFilter(ms)
	return f, nil
}

func receiverMatchersOf(q url.Values) ([]*labels.Matcher, error) {
	ms, err := matchersOf(q, "receiver_matchers")
	if err != nil {
		return nil, refusef(http.StatusBadRequest, "failed to parse receiver_matchers param: %v", err)
	}
	return ms, nil
}

// all reports whether every receiver passes.
func (f *receiverFilter) all() bool { return f.name == nil && len(f.matchers) == 0 }

// byName and byLabels look at the two parameters apart: an alert passes if one
// of its receivers has the name and one, perhaps another, the labels.
func (f *receiverFilter) byName(receiver string) bool {
	return f.name == nil || f.name.MatchString(receiver)
}

func (f *receiverFilter) byLabels(receiver string) bool {
	if len(f.matchers) == 0 {
		return true
	}
	for i := range f.config.Receivers {
		if r := &f.config.Receivers[i]; r.Name == receiver {
			return f.labels.MatchMap(r.Labels)
		}
	}
	return false
}

// any reports whether an alert with these receivers passes.
func (f *receiverFilter) any(receivers []string) bool {
	return f.all() || slices.ContainsFunc(receivers, f.byName) && slices.ContainsFunc(receivers, f.byLabels)
}

// passes is both, for a group, which has one receiver.
func (f *receiverFilter) passes(receiver string) bool {
	if f.all() {
		return true
	}
	ok, seen := f.known[receiver]
	if !seen {
		ok = f.byName(receiver) && f.byLabels(receiver)
		f.known[receiver] = ok
	}
	return ok
}
