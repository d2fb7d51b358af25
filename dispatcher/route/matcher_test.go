package route_test

import (
	"testing"

	amconfig "github.com/prometheus/alertmanager/config"
	amcommon "github.com/prometheus/alertmanager/config/common"
	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/route"
)

// TestEveryMatcher tries every expression on every value, and on a label that is
// not there, against Alertmanager's matcher.
func TestEveryMatcher(t *testing.T) {
	texts := append(append([]string{"a\uFFFDb", "\uFFFD", "\xff", "X", "xyy", "xy\n"}, values...), regexps...)
	for typ := labels.MatchEqual; typ <= labels.MatchNotRegexp; typ++ {
		for _, text := range regexps {
			m := must(t, typ, "l", text)
			tree, err := route.New(&amconfig.Route{Receiver: "r", Routes: []*amconfig.Route{{Matchers: amcommon.Matchers{m}}}})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range texts {
				ls := alert.NewLabels(map[string]string{"l": v, "other": "x"})
				if v == "" {
					ls = alert.NewLabels(map[string]string{"other": "x"})
				}
				got := tree.Match(ls)[0] != tree.Root()
				if got != m.Matches(v) {
					t.Errorf("%s on %q is %v, want %v", m, v, got, m.Matches(v))
				}
			}
		}
	}
}
