package chaos

import (
	"fmt"
	"math"
)

// Story is what is true when, in seconds from the start of a run. Immutable.
type Story struct {
	Alerts []AlertStory
	// Length is when the run ends.
	Length float64
}

// AlertStory is the life of one alert.
type AlertStory struct {
	Group, Instance string
	// Source is the host whose rules know it, from 0.
	Source int
	// Firing are the times in which it fires, in order and apart.
	Firing []Span
	// Optional: nobody is missed who does not hear of it.
	Optional bool
}

// Span is from one time up to, not including, another.
type Span struct{ From, To float64 }

// forever ends the span of an alert that fires until the end of the run.
var forever = math.Inf(1)

// Plan is the frame of a standard story.
type Plan struct {
	// From and To are when something is broken.
	From, To float64
	// Length is when the run ends; zero: nearly two turns of the groups after To.
	Length float64
	// Shift moves the groups that begin while something is broken.
	Shift float64
}

// The groups of a standard story.
const (
	steady    = 10 // fire from the start to the end
	ending    = 10 // fire from the start, end while something is broken
	beginning = 10 // begin while something is broken
	allGroups = steady + ending + beginning
)

// turn is the group interval of the runs, in seconds.
const turn = 35.0

// Story makes the standard story of thirty groups. A third of them have three
// alerts, one of which comes later than the others.
func (p Plan) Story() Story {
	s := Story{Length: p.Length}
	if s.Length == 0 {
		s.Length = p.To + 2*turn - 5
	}
	window := p.To - p.From
	for i := range allGroups {
		name := fmt.Sprintf("g%02d", i)
		late, fires := forever, Span{0.2 * float64(i%(steady+ending)), forever}
		k := float64(i % 10)
		switch {
		case i < steady:
			late = p.From + window*(0.05+0.09*k)
		case i < steady+ending:
			fires.To = p.From + window*(0.05+0.09*k)
		default:
			fires.From = p.From + p.Shift + window*0.085*k
			if i%5 == 4 {
				fires.To = p.To + 10
			}
		}
		s.add(name, i%2, fires, i%3 == 0, late)
	}
	return s
}

// add adds a group with one alert or three.
func (s *Story) add(group string, source int, fires Span, three bool, late float64) {
	one := AlertStory{Group: group, Instance: "a", Source: source, Firing: []Span{fires}}
	s.Alerts = append(s.Alerts, one)
	if !three {
		return
	}
	one.Instance = "b"
	s.Alerts = append(s.Alerts, one)
	if late < fires.To {
		one.Instance, one.Firing = "c", []Span{{late, fires.To}}
		s.Alerts = append(s.Alerts, one)
	}
}

// Groups is the number of groups.
func (s Story) Groups() int {
	seen := map[string]bool{}
	for _, a := range s.Alerts {
		seen[a.Group] = true
	}
	return len(seen)
}

// firing reports whether the alert fires at a time.
func (a AlertStory) firing(at float64) bool {
	for _, f := range a.Firing {
		if f.From <= at && at < f.To {
			return true
		}
	}
	return false
}

// begun is the number of times that the alert has begun to fire until at, and
// ended how often it has ended.
func (a AlertStory) begun(at float64) (begun, ended int) {
	for _, f := range a.Firing {
		if f.From <= at {
			begun++
		}
		if f.To <= at {
			ended++
		}
	}
	return begun, ended
}
