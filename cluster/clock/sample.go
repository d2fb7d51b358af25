package clock

import "time"

// The worth of a measurement.
const (
	// maxTrip is the longest round trip that counts: half of it is how far off
	// the measurement may be.
	maxTrip = time.Second
	// freshFor is how long a clock counts as heard, forgetAfter when it is
	// dropped.
	freshFor    = 15 * time.Second
	forgetAfter = time.Minute
	// bestFor is how long a better measurement is preferred to a later one.
	bestFor = 10 * time.Second
)

// sample is one measurement of another node's clock.
type sample struct {
	vote      Vote
	trip      time.Duration
	at        time.Duration // by Elapsed
	corrected bool
	told      time.Duration
}

// newSample places an answer in the middle of its round trip.
func newSample(t Told, sent, received time.Duration) (sample, bool) {
	trip := received - sent
	if trip < 0 || trip > maxTrip {
		return sample{}, false
	}
	middle := int64(sent + trip/2)
	return sample{
		vote: Vote{Wall: Base(t.Wall - middle), Believed: Base(t.Believed - middle), Sure: t.Sure},
		trip: trip, at: received, corrected: t.Corrected, told: time.Duration(t.Skew),
	}, true
}

// replaces reports whether s is to be used rather than old: it is more exact, or
// the old one is too old, or they cannot both be right, or the node goes by
// another time now.
func (s sample) replaces(old sample) bool {
	return s.trip <= old.trip || s.at-old.at > bestFor ||
		!near(s.vote.Wall, old.vote.Wall, (s.trip+old.trip)/2) ||
		s.corrected != old.corrected || s.vote.Sure != old.vote.Sure
}
