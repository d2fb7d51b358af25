package rig

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"
)

// Alert is an alert of a scenario, to be posted or to be told. Times are seconds
// on the scenario's time line. Methods return changed copies.
type Alert struct {
	Labels map[string]string
	Notes  map[string]string
	URL    string

	start, end span
}

// span is a time that is known, or known to lie between two times, or not set.
type span struct {
	set    bool
	lo, hi float64
}

// A is an alert with labels, given as name, value, name, value…
func A(pairs ...string) Alert { return Alert{Labels: pairMap(pairs)} }

func pairMap(pairs []string) map[string]string {
	if len(pairs)%2 != 0 {
		panic(fmt.Sprintf("BUG: %d words are not pairs: %q", len(pairs), pairs))
	}
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// Note adds annotations, given as name, value…
func (a Alert) Note(pairs ...string) Alert {
	notes := maps.Clone(a.Notes)
	if notes == nil {
		notes = map[string]string{}
	}
	maps.Copy(notes, pairMap(pairs))
	a.Notes = notes
	return a
}

// From sets the start; a told alert must have exactly that start.
func (a Alert) From(at float64) Alert {
	a.start = span{true, at, at}
	return a
}

// FromIn is for alerts that are told: the start lies between two times.
func (a Alert) FromIn(lo, hi float64) Alert {
	a.start = span{true, lo, hi}
	return a
}

// To sets the end; an alert told as resolved must have exactly that end.
func (a Alert) To(at float64) Alert {
	a.end = span{true, at, at}
	return a
}

// ToIn is for alerts that are told: the end lies between two times.
func (a Alert) ToIn(lo, hi float64) Alert {
	a.end = span{true, lo, hi}
	return a
}

// Link sets the generator URL.
func (a Alert) Link(url string) Alert {
	a.URL = url
	return a
}

// API is the alert as it is posted, on a time line that began at zero.
func (a Alert) API(zero time.Time) APIAlert {
	out := APIAlert{Labels: a.Labels, Annotations: a.Notes, GeneratorURL: a.URL}
	if a.start.set {
		t := moment(zero, a.start.lo)
		out.StartsAt = &t
	}
	if a.end.set {
		t := moment(zero, a.end.lo)
		out.EndsAt = &t
	}
	return out
}

// moment is a point of the time line to the millisecond, as every API carries
// it.
func moment(zero time.Time, at float64) time.Time {
	return zero.Add(Seconds(at)).Round(time.Millisecond).UTC()
}

// String names the alert by its labels.
func (a Alert) String() string { return labelString(a.Labels) }

func labelString(labels map[string]string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s=%q", name, labels[name])
	}
	b.WriteByte('}')
	return b.String()
}

// Fingerprint is Alertmanager's fingerprint of a label set: FNV-1a over name,
// 255, value, 255 in the order of the names, as 16 hexadecimal digits.
func Fingerprint(labels map[string]string) string {
	h := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		_, _ = h.Write([]byte(name + "\xff" + labels[name] + "\xff"))
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// common is what all maps agree on.
func common(all []map[string]string) map[string]string {
	if len(all) == 0 {
		return map[string]string{}
	}
	out := maps.Clone(all[0])
	if out == nil {
		out = map[string]string{}
	}
	for _, m := range all[1:] {
		maps.DeleteFunc(out, func(k, v string) bool { w, ok := m[k]; return !ok || w != v })
	}
	return out
}
