package route

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unique"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// Alertmanager's defaults for what the root route does not say.
const (
	DefaultGroupWait      = 30 * time.Second
	DefaultGroupInterval  = 5 * time.Minute
	DefaultRepeatInterval = 4 * time.Hour
)

// Tree is a routing tree. It is immutable and safe for concurrent use.
type Tree struct {
	root   *Route
	routes []*Route
}

// New compiles a routing tree. The error says which matcher is not valid; a
// configuration that was checked has none.
func New(cr *amconfig.Route) (*Tree, error) {
	b := builder{same: make(map[sameKey]int)}
	root, err := b.build(cr, nil, 0)
	if err != nil {
		return nil, err
	}
	t := &Tree{root: root, routes: make([]*Route, b.count)}
	root.walk(func(r *Route) {
		t.routes[r.Idx] = r
		r.sameness = b.sameness(r)
	})
	return t, nil
}

// Root is the route that every alert falls back to.
func (t *Tree) Root() *Route { return t.root }

// Routes are all routes in the order of their Idx.
func (t *Tree) Routes() []*Route { return t.routes }

// All visits all routes, parents before their children.
func (t *Tree) All() iter.Seq[*Route] {
	return func(yield func(*Route) bool) {
		var visit func(*Route) bool
		visit = func(r *Route) bool {
			if !yield(r) {
				return false
			}
			for _, child := range r.Routes {
				if !visit(child) {
					return false
				}
			}
			return true
		}
		visit(t.root)
	}
}

// Match is the routes that an alert with these labels takes, in the order of
// the configuration. There is always at least one.
func (t *Tree) Match(ls alert.Labels) []*Route { return t.AppendMatch(nil, ls) }

// AppendMatch is Match for callers that bring their own slice; it allocates
// only if dst is too short.
func (t *Tree) AppendMatch(dst []*Route, ls alert.Labels) []*Route { return t.root.append(dst, ls) }

// LedgerKeys are the ledger keys of all groups whose key Alertmanager writes like
// this for the receiver: more than one where routes share a key, none where no
// route has such groups.
func (t *Tree) LedgerKeys(groupKey, receiver string) []string {
	var out []string
	for _, r := range t.routes {
		if r.Receiver == receiver && strings.HasPrefix(groupKey, r.Key+":{") {
			out = append(out, groupKey+r.sameness)
		}
	}
	return out
}

// builder numbers the routes of one tree.
type builder struct {
	count int
	same  map[sameKey]int
}

type sameKey struct{ key, receiver string }

func (b *builder) build(cr *amconfig.Route, parent *Route, place int) (*Route, error) {
	matchers, err := matchersOf(cr)
	if err != nil {
		return nil, err
	}
	r := inherit(cr, parent)
	r.Matchers = matchers
	r.Key, r.ID = matchers.String(), matchers.String()
	if parent != nil {
		r.Key = parent.Key + "/" + r.Key
		r.ID = parent.ID + "/" + r.ID + "/" + strconv.Itoa(place)
	}
	for _, m := range matchers {
		r.tests = append(r.tests, compile(m))
	}
	for i, c := range cr.Routes {
		child, err := b.build(c, r, i)
		if err != nil {
			return nil, err
		}
		r.Routes = append(r.Routes, child)
	}
	r.Idx = b.count
	b.count++
	return r, nil
}

// sameness is what keeps r apart from routes visited before it that have the
// same key and receiver.
func (b *builder) sameness(r *Route) string {
	k := sameKey{r.Key, r.Receiver}
	b.same[k]++
	if n := b.same[k]; n > 1 {
		return "#" + strconv.Itoa(n)
	}
	return ""
}

// matchersOf are a route's matchers of all three forms, sorted.
func matchersOf(cr *amconfig.Route) (labels.Matchers, error) {
	var ms labels.Matchers
	add := func(t labels.MatchType, name, value string) error {
		m, err := labels.NewMatcher(t, name, value)
		if err != nil {
			return fmt.Errorf("compile matcher of %s: %w", name, err)
		}
		ms = append(ms, m)
		return nil
	}
	for name, value := range cr.Match {
		if err := add(labels.MatchEqual, name, value); err != nil {
			return nil, err
		}
	}
	for name, re := range cr.MatchRE {
		// Alertmanager compiles the anchored text again, so the key of such a
		// route shows the anchors.
		if err := add(labels.MatchRegexp, name, re.String()); err != nil {
			return nil, err
		}
	}
	ms = append(ms, cr.Matchers...)
	sort.Sort(ms)
	return ms, nil
}

// inherit is a route with the options of cr, or where it says nothing those of
// its parent.
func inherit(cr *amconfig.Route, parent *Route) *Route {
	r := &Route{
		GroupWait: DefaultGroupWait, GroupInterval: DefaultGroupInterval, RepeatInterval: DefaultRepeatInterval,
	}
	if parent != nil {
		r.Receiver, r.Labels = parent.Receiver, parent.Labels
		r.GroupBy, r.groupBy, r.GroupByAll = parent.GroupBy, parent.groupBy, parent.GroupByAll
		r.GroupWait, r.GroupInterval, r.RepeatInterval = parent.GroupWait, parent.GroupInterval, parent.RepeatInterval
	}
	if cr.Receiver != "" {
		r.Receiver = cr.Receiver
	}
	r.Continue = cr.Continue
	r.MuteTimeIntervals, r.ActiveTimeIntervals = cr.MuteTimeIntervals, cr.ActiveTimeIntervals
	r.Labels = mergeLabels(r.Labels, cr)
	switch {
	case cr.GroupBy != nil:
		names := make([]string, len(cr.GroupBy))
		for i, n := range cr.GroupBy {
			names[i] = string(n)
		}
		r.setGroupBy(names)
		r.GroupByAll = false
	case cr.GroupByAll:
		r.GroupByAll = true
	}
	if cr.GroupWait != nil {
		r.GroupWait = time.Duration(*cr.GroupWait)
	}
	if cr.GroupInterval != nil {
		r.GroupInterval = time.Duration(*cr.GroupInterval)
	}
	if cr.RepeatInterval != nil {
		r.RepeatInterval = time.Duration(*cr.RepeatInterval)
	}
	return r
}

// mergeLabels is the parent's route labels with those of cr over them.
func mergeLabels(parent []model.Pair, cr *amconfig.Route) []model.Pair {
	if len(cr.Labels) == 0 {
		return parent
	}
	merged := make(map[string]string, len(parent)+len(cr.Labels))
	for _, p := range parent {
		merged[p.Name] = p.Value
	}
	for n, v := range cr.Labels {
		merged[string(n)] = string(v)
	}
	out := make([]model.Pair, 0, len(merged))
	for _, n := range slices.Sorted(maps.Keys(merged)) {
		out = append(out, model.Pair{Name: n, Value: merged[n]})
	}
	return out
}

func intern(s string) alert.Symbol { return unique.Make(s) }
