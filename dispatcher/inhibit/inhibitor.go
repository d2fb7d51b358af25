package inhibit

import (
	"fmt"
	"slices"
	"time"

	amcommon "github.com/prometheus/alertmanager/config/common"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/match"
)

// Inhibitor is the inhibition rules of one configuration. All methods may be
// called from several goroutines.
type Inhibitor struct {
	rules   []*rule
	sources *match.Index[int]
	targets *match.Index[int]
}

// New compiles the rules. The error says which one is not valid; a
// configuration that was checked has none.
func New(rules []amcommon.InhibitRule) (*Inhibitor, error) {
	ih := &Inhibitor{}
	var bySource, byTarget []match.Entry[int]
	for i, r := range rules {
		compiled, err := newRule(r)
		if err != nil {
			return nil, fmt.Errorf("compile inhibition rule %d: %w", i+1, err)
		}
		ih.rules = append(ih.rules, compiled)
		bySource = append(bySource, match.Entry[int]{Set: compiled.source, Item: i})
		byTarget = append(byTarget, match.Entry[int]{Set: compiled.target, Item: i})
	}
	ih.sources, ih.targets = match.NewIndex(bySource), match.NewIndex(byTarget)
	return ih, nil
}

// Len counts the rules.
func (ih *Inhibitor) Len() int { return len(ih.rules) }

// Observe files the record as a source where its labels make it one. It must be
// called for every record that enters the store, and again when its alert fires
// after it was over; more often does no harm.
func (ih *Inhibitor) Observe(r *alert.Record) {
	if len(ih.rules) == 0 {
		return
	}
	ls := r.Load().Labels
	var room [16]int
	var text [128]byte
	for _, i := range ih.sources.Append(room[:0], ls) {
		if rule := ih.rules[i]; rule.source.Match(ls) {
			rule.sources.add(rule.key(text[:0], ls), r, rule.target.Match(ls))
		}
	}
}

// Inhibits is an alert that inhibits a at now, by the first rule that has one.
func (ih *Inhibitor) Inhibits(a *alert.Alert, now time.Time) (by *alert.Alert, ok bool) {
	if len(ih.rules) == 0 {
		return nil, false
	}
	var room [16]int
	var text [128]byte
	candidates := ih.targets.Append(room[:0], a.Labels)
	slices.Sort(candidates)
	for _, i := range candidates {
		rule := ih.rules[i]
		if rule.sources.empty() || !rule.target.Match(a.Labels) {
			continue
		}
		if by, ok := rule.sources.find(rule.key(text[:0], a.Labels), now, rule.source.Match(a.Labels)); ok {
			return by, true
		}
	}
	return nil, false
}

// Sweep forgets sources that have been over for a while. Without it, sources
// whose like is never asked for would stay.
func (ih *Inhibitor) Sweep(now time.Time) {
	for _, r := range ih.rules {
		r.sources.sweep(now)
	}
}
