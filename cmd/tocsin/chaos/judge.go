package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Telling is a message that a receiver took.
type Telling struct {
	// At is when it came, in seconds from the start of the run.
	At    float64
	Group string
	// Firing and Resolved are instances of alerts.
	Firing, Resolved []string
	// ID is the Idempotency-Key, if it has one.
	ID string
	// Node is who sent it, Receiver who was told. What one receiver was told is
	// news to another.
	Node, Receiver string
}

// Verdict is what was wrong with what a receiver was told.
type Verdict struct {
	Groups int
	// Missed and Unresolved are of one group each, the others of one message.
	Missed, Duplicates, FalseResolves, Unresolved []Mistake
	// SameID counts the duplicates that a receiver can tell by their ID.
	SameID int
	// PerState is the largest number of duplicates of one group in one state.
	PerState int
	// First are the delays from the start of a group to the first message about
	// it, in the order of their starts.
	First []First
}

// Mistake is something that was told wrongly, or not at all.
type Mistake struct {
	At    float64
	Group string
	Node  string
	Text  string
	// ID: it is a duplicate with the ID of what it repeats.
	SameID bool
}

// First is when a group was told first.
type First struct {
	Group string
	// From is when its first alert began to fire, Delay how much later it was
	// told.
	From, Delay float64
}

// The judge's patience, in seconds.
const (
	// due is how long a change of an alert may stay untold before somebody is
	// missed: a turn of the group, and time for the ranks to take over.
	due = turn + 10
	// dueFirst is the same for the first alert of a group, which waits for no
	// turn.
	dueFirst = 20.0
	// grace is how long after an alert began to fire a message may still say
	// that it is resolved.
	grace = 1.0
)

// Judge compares what was told with what was true. Tellings are those that the
// receiver acknowledged; they need no order.
func Judge(s Story, tellings []Telling) Verdict {
	j := judge{story: s, alerts: map[string]*AlertStory{}, told: map[fact]float64{}, heard: map[heard]bool{}, states: map[string]int{}, ids: map[string]bool{}}
	for i := range s.Alerts {
		a := &s.Alerts[i]
		j.alerts[a.Group+"/"+a.Instance] = a
	}
	tellings = slices.Clone(tellings)
	slices.SortStableFunc(tellings, func(a, b Telling) int { return cmp.Compare(a.At, b.At) })
	for _, t := range tellings {
		j.hear(t)
	}
	j.verdict.Groups = s.Groups()
	j.untold()
	j.firsts()
	return j.verdict
}

// fact is something that can be told: that an alert fires for the nth time, or
// has ended for the nth time.
type fact struct {
	alert  string
	nth    int
	firing bool
}

// heard is what a receiver was told.
type heard struct {
	receiver string
	fact     fact
}

type judge struct {
	story   Story
	alerts  map[string]*AlertStory
	told    map[fact]float64 // when first
	heard   map[heard]bool
	states  map[string]int  // how often each state of each group was told
	ids     map[string]bool // of groups
	verdict Verdict
}

// hear takes the next message.
func (j *judge) hear(t Telling) {
	news, state := false, t.Receiver+" "+t.Group
	each := func(instances []string, firing bool) {
		for _, name := range instances {
			f, ok := j.fact(t, name, firing)
			if !ok {
				continue
			}
			state += fmt.Sprintf(" %s:%v:%d", f.alert, firing, f.nth)
			if _, old := j.told[f]; !old {
				j.told[f] = t.At
			}
			h := heard{t.Receiver, f}
			news = news || !j.heard[h]
			j.heard[h] = true
		}
	}
	slices.Sort(t.Firing)
	slices.Sort(t.Resolved)
	wrong := len(j.verdict.FalseResolves)
	each(t.Firing, true)
	each(t.Resolved, false)
	if wrong < len(j.verdict.FalseResolves) {
		j.ids[t.Group+" "+t.ID] = true
		return // it is counted already
	}
	if !news {
		same := t.ID != "" && j.ids[t.Group+" "+t.ID]
		if same {
			j.verdict.SameID++
		}
		j.states[state]++
		j.verdict.PerState = max(j.verdict.PerState, j.states[state])
		j.verdict.Duplicates = append(j.verdict.Duplicates, Mistake{At: t.At, Group: t.Group, Node: t.Node, Text: t.String(), SameID: same})
	}
	j.ids[t.Group+" "+t.ID] = true
}

// fact is what a message says of one alert; ok is false if that is not true,
// which is noted.
func (j *judge) fact(t Telling, instance string, firing bool) (f fact, ok bool) {
	key := t.Group + "/" + instance
	a := j.alerts[key]
	if a == nil {
		j.verdict.FalseResolves = append(j.verdict.FalseResolves, Mistake{At: t.At, Group: t.Group, Node: t.Node, Text: "nobody ever sent " + key})
		return f, false
	}
	begun, ended := a.begun(t.At)
	if firing {
		// An alert that has ended may still be told as firing: that is old, not
		// new, and a duplicate if it was told before.
		return fact{key, begun, true}, begun > 0
	}
	if ended == 0 || a.firing(t.At) && a.firing(t.At-grace) {
		j.verdict.FalseResolves = append(j.verdict.FalseResolves, Mistake{At: t.At, Group: t.Group, Node: t.Node, Text: t.String()})
		return f, false
	}
	return fact{key, ended, false}, true
}

// untold notes what was never told.
func (j *judge) untold() {
	missed, unresolved, starts := map[string]bool{}, map[string]bool{}, j.starts()
	for i := range j.story.Alerts {
		a := &j.story.Alerts[i]
		for n, f := range a.Firing {
			began, ended := fact{a.Group + "/" + a.Instance, n + 1, true}, fact{a.Group + "/" + a.Instance, n + 1, false}
			_, toldBegin := j.told[began]
			_, toldEnd := j.told[ended]
			next := j.story.Length
			if n+1 < len(a.Firing) {
				next = a.Firing[n+1].From
			}
			patience := due
			if f.From == starts[a.Group] {
				patience = dueFirst
			}
			switch {
			case a.Optional:
			case !toldBegin && !toldEnd && f.From+due <= j.story.Length && f.To-f.From >= patience && !missed[a.Group]:
				missed[a.Group] = true
				j.verdict.Missed = append(j.verdict.Missed, Mistake{At: f.From, Group: a.Group, Text: a.Instance + " fires and was never told"})
			case toldBegin && !toldEnd && f.To+due <= next && !unresolved[a.Group]:
				unresolved[a.Group] = true
				j.verdict.Unresolved = append(j.verdict.Unresolved, Mistake{At: f.To, Group: a.Group, Text: a.Instance + " has ended and nobody was told"})
			}
		}
	}
}

// starts are when the groups begin.
func (j *judge) starts() map[string]float64 {
	from := map[string]float64{}
	for _, a := range j.story.Alerts {
		least(from, a.Group, a.Firing[0].From)
	}
	return from
}

// least keeps the smallest value of a key.
func least(m map[string]float64, key string, v float64) {
	if old, had := m[key]; !had || v < old {
		m[key] = v
	}
}

// firsts notes when each group was told first.
func (j *judge) firsts() {
	from, told := j.starts(), map[string]float64{}
	for _, a := range j.story.Alerts {
		if a.Optional {
			continue
		}
		for _, firing := range []bool{true, false} {
			if at, ok := j.told[fact{a.Group + "/" + a.Instance, 1, firing}]; ok {
				least(told, a.Group, at)
			}
		}
	}
	for group, at := range told {
		j.verdict.First = append(j.verdict.First, First{Group: group, From: from[group], Delay: at - from[group]})
	}
	slices.SortFunc(j.verdict.First, func(a, b First) int {
		return cmp.Or(cmp.Compare(a.From, b.From), strings.Compare(a.Group, b.Group))
	})
}

// Delays are the median and the largest delay of the groups that began in a
// span; zero if there are none.
func (v Verdict) Delays(in Span) (p50, most float64) {
	var all []float64
	for _, f := range v.First {
		if in.From <= f.From && f.From < in.To {
			all = append(all, f.Delay)
		}
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)-1]
}

// String says what was told.
func (t Telling) String() string {
	return fmt.Sprintf("firing %v resolved %v id %.12s", t.Firing, t.Resolved, t.ID)
}
