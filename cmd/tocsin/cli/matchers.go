package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/promslog"

	"tocsin/cmd/tocsin/client"
)

// matcherForms says how matchers are given on a command line.
const matcherForms = `A matcher is name=value, name!=value, name=~regex or name!~regex. A first
argument without any of these operators is an alertname.`

// withAlertname turns a first argument that is no matcher into one of the
// alertname.
func withAlertname(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	out := append([]string(nil), args...)
	if !strings.Contains(out[0], "=") && !strings.Contains(out[0], "!~") {
		out[0] = "alertname=" + strconv.Quote(out[0])
	}
	return out
}

// parseMatchers reads one matcher an argument, in Alertmanager's syntax.
func parseMatchers(args []string) ([]*labels.Matcher, error) {
	parse := compat.FallbackMatcherParser(promslog.NewNopLogger())
	var out []*labels.Matcher
	for _, arg := range withAlertname(args) {
		m, err := parse(arg, "command line")
		if err != nil {
			return nil, usagef("matcher %q: %w", arg, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// silenceMatchers are the API's form of ms.
func silenceMatchers(ms []*labels.Matcher) []client.Matcher {
	out := make([]client.Matcher, 0, len(ms))
	for _, m := range ms {
		equal := m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp
		regex := m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp
		out = append(out, client.Matcher{Name: m.Name, Value: m.Value, IsRegex: regex, IsEqual: &equal})
	}
	return out
}

// matcherText shows a silence's matchers.
func matcherText(ms []client.Matcher) string {
	var out []string
	for _, m := range ms {
		op := "="
		switch equal := m.IsEqual == nil || *m.IsEqual; {
		case equal && m.IsRegex:
			op = "=~"
		case !equal && m.IsRegex:
			op = "!~"
		case !equal:
			op = "!="
		}
		out = append(out, m.Name+op+strconv.Quote(m.Value))
	}
	return strings.Join(out, " ")
}

// parsePairs reads name=value arguments, as annotations are given.
func parsePairs(what string, args []string) (map[string]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(args))
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, usagef("%s %q is not name=value", what, arg)
		}
		out[name] = unquoted(value)
	}
	return out, nil
}

// parseLabels reads an alert's labels; a first argument without "=" is its
// alertname.
func parseLabels(args []string) (map[string]string, error) {
	ms, err := parseMatchers(args)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(ms))
	for _, m := range ms {
		if m.Type != labels.MatchEqual {
			return nil, usagef("label %q: an alert's labels are name=value", fmt.Sprint(m))
		}
		out[m.Name] = m.Value
	}
	return out, nil
}

func unquoted(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}
