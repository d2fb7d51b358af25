package migrate

import (
	"fmt"
	"slices"
)

// Level says what a finding asks of the operator.
type Level int

// The levels, the most pressing last.
const (
	// Same: as it was.
	Same Level = iota
	// Changes: it will be different; nothing has to be done.
	Changes
	// Todo: something has to be done or looked at before.
	Todo
	// Stop: Tocsin would not start, or not reach somebody.
	Stop
)

// String is a word for tables.
func (l Level) String() string {
	return [...]string{"same", "changes", "to do", "in the way"}[l]
}

// MarshalText writes the word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Finding is one thing to know.
type Finding struct {
	Level Level `json:"level"`
	// About is a word: flags, config, cluster, silences, ports …
	About string `json:"about"`
	Text  string `json:"text"`
	// Do is the next step; empty if there is none.
	Do string `json:"do,omitempty"`
}

// report collects findings.
type report []Finding

func (r *report) say(l Level, about, do, format string, args ...any) {
	*r = append(*r, Finding{Level: l, About: about, Text: fmt.Sprintf(format, args...), Do: do})
}

// Judge says what there is to know, the most pressing first.
func Judge(f *Facts) []Finding {
	var r report
	for _, m := range f.Missing {
		r.say(Todo, "reading", "", "%s", m)
	}
	if f.Version != "" {
		r.say(Same, "version", "", "it is Alertmanager %s; its API v2, flags, configuration and templates are those of 0.34 here", f.Version)
	}
	r.flags(f)
	r.config(f)
	r.state(f)
	slices.SortStableFunc(r, func(a, b Finding) int { return int(b.Level) - int(a.Level) })
	return r
}

// state is about what the Alertmanager keeps.
func (r *report) state(f *Facts) {
	if f.Version == "" {
		return
	}
	if f.Silences > 0 {
		r.say(Same, "silences", "", "%d silences are active or pending; with their IDs they are taken over from the data folder at the first start, and so is what was told, so that nobody is told twice", f.Silences)
	}
	switch {
	case f.Members == 2:
		r.say(Todo, "cluster", "add a third node: two of two are a majority, one is not",
			"it is one of two instances: with two nodes, silences and configuration cannot be changed while one is down; alerts are told all the same")
	case f.Members > 2 && f.Members%2 == 0:
		r.say(Changes, "cluster", "", "it is one of %d instances: an even number bears no more failures than one fewer", f.Members)
	case f.Members > 1:
		r.say(Same, "cluster", "`tocsin help migrating` goes through it node by node", "it is one of %d instances", f.Members)
	}
}

// Worst is the highest level of findings.
func Worst(all []Finding) Level {
	worst := Same
	for _, f := range all {
		worst = max(worst, f.Level)
	}
	return worst
}
