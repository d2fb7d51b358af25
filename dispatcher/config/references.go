package config

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// references checks what one part of a configuration says about another: the
// names of receivers and time intervals, and what the root route may not have.
func (w *walker) references() {
	receivers := w.names([]string{"receivers"}, "receiver")
	intervals := w.names([]string{"mute_time_intervals", "time_intervals"}, "time interval")
	_, root := pair(w.doc.root, "route")
	if root == nil || isNull(root) {
		w.complain(w.doc.root, "there is no route; add route: with a receiver: that gets what no other route takes")
		return
	}
	if root.Kind != yaml.MappingNode {
		return
	}
	w.rootRoute(root)
	w.route(root, receivers, intervals)
}

// names are the names of the entries of some top-level lists. Two entries of
// one kind may not have the same.
func (w *walker) names(lists []string, kind string) []string {
	var found []*yaml.Node
	for _, list := range lists {
		for _, e := range elements(lookup(w.doc.root, list)) {
			if name := lookup(e, "name"); name != nil && name.Kind == yaml.ScalarNode && !isNull(name) {
				found = append(found, name)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b *yaml.Node) int { return a.Line - b.Line })
	lines := make(map[string]int)
	var all []string
	for _, name := range found {
		if line, ok := lines[name.Value]; ok {
			w.complain(name, "there is a %s %q in line %d already; give this one another name", kind, name.Value, line)
			continue
		}
		lines[name.Value] = name.Line
		all = append(all, name.Value)
	}
	return all
}

// rootRoute checks what holds for the first route only.
func (w *walker) rootRoute(root *yaml.Node) {
	if r := lookup(root, "receiver"); r == nil || isNull(r) || r.Kind == yaml.ScalarNode && r.Value == "" {
		w.complain(root, "the first route needs a receiver; it gets what no other route takes")
	}
	for _, key := range []string{"match", "match_re", "matchers"} {
		if k, v := pair(root, key); k != nil && len(v.Content) > 0 {
			w.complain(k, "the first route takes every alert and cannot have %s; put it on a route under routes", key)
		}
	}
	for _, key := range []string{"mute_time_intervals", "active_time_intervals"} {
		if k, v := pair(root, key); k != nil && len(v.Content) > 0 {
			w.complain(k, "the first route cannot have %s; put it on a route under routes", key)
		}
	}
	if k, v := pair(root, "continue"); k != nil && decode(v, boolType) == nil && truth(v) {
		w.complain(k, "the first route cannot have continue; there is nothing beside it to go on to")
	}
}

// route checks the names that a route and those below it use.
func (w *walker) route(r *yaml.Node, receivers, intervals []string) {
	if name := lookup(r, "receiver"); name != nil {
		w.known(name, receivers, "receiver")
	}
	for _, key := range []string{"mute_time_intervals", "active_time_intervals"} {
		for _, name := range elements(lookup(r, key)) {
			w.known(name, intervals, "time interval")
		}
	}
	for _, child := range elements(lookup(r, "routes")) {
		w.route(child, receivers, intervals)
	}
}

func (w *walker) known(name *yaml.Node, defined []string, kind string) {
	if name.Kind != yaml.ScalarNode || isNull(name) || name.Value == "" {
		return
	}
	for _, d := range defined {
		if d == name.Value {
			return
		}
	}
	w.complain(name, "there is no %s %q%s", kind, name.Value, didYouMean(name.Value, defined))
}
