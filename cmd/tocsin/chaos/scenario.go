package chaos

import (
	"context"
	"fmt"
	"slices"
)

// Scenario is how senders reach the nodes, what breaks when, and what is asked
// of the result.
type Scenario struct {
	Name string
	// Plan is the frame of the story.
	Plan Plan
	// Story, if set, replaces the standard one.
	Story func(Plan) Story
	// Interval is the group interval; zero is the usual one.
	Interval float64
	// Balanced: the sources know a load balancer only.
	Balanced bool
	// Prepare runs after the hosts are made and before the nodes start, Settle
	// when they are one cluster and before the story begins.
	Prepare, Settle func(context.Context, *World) error
	// Steps are the faults, in the order of their times.
	Steps []Step
	// Want is asked of Tocsin.
	Want Want
	// Check asks further things of a run; nothing if all is well.
	Check func(*World) []string
	// Short: it is part of the short set.
	Short bool
	// Only names the one system that it can run on; empty: all.
	Only string
}

// Step is something that is done at a time of the run.
type Step struct {
	At   float64
	What string
	Do   func(context.Context, *World) error
}

// Want are the most mistakes that a run may have. The zero value allows none.
type Want struct {
	Missed, Duplicates, FalseResolves, Unresolved int
	// PerState is how often a state of a group may be told again. If it is not
	// zero, Duplicates is not looked at.
	PerState int
	// SameID: every duplicate must have the ID of what it repeats.
	SameID bool
	// QuietFrom is when duplicates are over; zero: not looked at.
	QuietFrom float64
	// First are bounds for the delay of first tellings, by when a group began.
	First []FirstWant
	// Posts is asked of the sources' requests.
	Posts *PostWant
}

// FirstWant bounds the delay of first tellings, in seconds.
type FirstWant struct {
	Span
	Most float64
}

// PostWant bounds the answers to the sources' requests.
type PostWant struct {
	Span
	// P99 is in seconds, on a machine that does nothing else: see control.
	P99 float64
}

// usual is the bound of a first telling when nothing keeps a group from being
// told: the group wait and half a second.
const usual = 2.5

// within is a bound for all first tellings.
func within(most float64) []FirstWant { return []FirstWant{{Span{-1, forever}, most}} }

// violations is all of the verdict that is not wanted.
func (w Want) violations(v Verdict, posts []Post) []string {
	var out []string
	most := func(what string, got []Mistake, want int) {
		if len(got) > want {
			out = append(out, fmt.Sprintf("%s: %d, at most %d wanted", what, len(got), want))
		}
	}
	most("missed", v.Missed, w.Missed)
	most("false resolves", v.FalseResolves, w.FalseResolves)
	most("resolves never told", v.Unresolved, w.Unresolved)
	if w.PerState == 0 {
		most("duplicates", v.Duplicates, w.Duplicates)
	} else if v.PerState > w.PerState {
		out = append(out, fmt.Sprintf("one state of a group was told %d times again, at most %d wanted", v.PerState, w.PerState))
	}
	if w.SameID && v.SameID < len(v.Duplicates) {
		out = append(out, fmt.Sprintf("%d of %d duplicates have an ID of their own", len(v.Duplicates)-v.SameID, len(v.Duplicates)))
	}
	if late := slices.IndexFunc(v.Duplicates, func(m Mistake) bool { return m.At >= w.QuietFrom }); w.QuietFrom > 0 && late >= 0 {
		out = append(out, fmt.Sprintf("a duplicate at %.1f s, none wanted from %.1f s on", v.Duplicates[late].At, w.QuietFrom))
	}
	for _, f := range w.First {
		if _, got := v.Delays(f.Span); got > f.Most {
			out = append(out, fmt.Sprintf("a group that began between %.0f and %.0f s was told after %.2f s, at most %.2f s wanted", f.From, f.To, got, f.Most))
		}
	}
	if w.Posts != nil {
		out = append(out, w.Posts.violations(posts)...)
	}
	return out
}

func (w PostWant) violations(posts []Post) []string {
	var out []string
	s, costs := summarise(only(posts, false), w.Span), machineCosts(posts, w.Span).Seconds()
	if s.Failed > 0 || s.Count == 0 {
		out = append(out, fmt.Sprintf("of %d requests %d were not answered with 200", s.Count, s.Failed))
	}
	if s.P99 > w.P99+costs {
		out = append(out, fmt.Sprintf("requests: p99 %.3f s, at most %.3f s wanted, and %.3f s for a busy machine", s.P99, w.P99, costs))
	}
	return out
}

// PostSummary is how requests of sources were answered: how many, how many of
// them not with 200, and how long an answer took, in seconds.
type PostSummary struct {
	Count, Failed int
	P50, P99      float64
}

func summarise(posts []Post, in Span) PostSummary {
	var s PostSummary
	var took []float64
	for _, p := range posts {
		if p.At < in.From || p.At >= in.To {
			continue
		}
		s.Count++
		if p.Code != 200 {
			s.Failed++
		}
		if p.Code != 0 {
			took = append(took, p.Took.Seconds())
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		s.P50, s.P99 = took[len(took)/2], took[len(took)*99/100]
	}
	return s
}
