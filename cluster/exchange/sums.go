package exchange

import (
	"math"
	"math/bits"
)

// buckets is how many parts the alerts are compared in. With 50,000 alerts a
// difference in one costs a listing of about fifty.
const buckets = 1024

// bucketOf takes the upper bits: the store uses the lower ones.
func bucketOf(hash uint64) int { return int(hash >> (64 - 10)) }

// always is the horizon that leaves nothing out.
const always = math.MaxInt64

// sums is a checksum of each bucket. It does not depend on the order of alerts.
type sums [buckets]uint64

// sumsOf adds the offered alerts up that were last updated at the horizon or
// before. Alerts that are refreshed all the time are on their way at any moment;
// a horizon in the past compares what should have arrived.
func sumsOf(s Store, horizon int64) *sums {
	var out sums
	for e := range s.Entries() {
		if e.Offer && e.Updated <= horizon {
			out[bucketOf(e.Hash)] += mix(e.State)
		}
	}
	return &out
}

// mix spreads every bit of a state over the sum.
func mix(s State) uint64 {
	h := s.Hash
	for _, v := range [...]uint64{uint64(s.Updated), uint64(s.Ends), s.Sum} {
		h = (bits.RotateLeft64(h, 27) ^ v) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// differing is a set of buckets.
type differing [buckets / 8]byte

func (d *differing) add(b int)      { d[b/8] |= 1 << (b % 8) }
func (d *differing) has(b int) bool { return d[b/8]&(1<<(b%8)) != 0 }

// listing is the alerts of the differing buckets, by bucket.
func (d *differing) listing(s Store) [][]Entry {
	out := make([][]Entry, buckets)
	for e := range s.Entries() {
		if b := bucketOf(e.Hash); d.has(b) {
			out[b] = append(out[b], e)
		}
	}
	return out
}

// verdict is what to do about a state that a peer has.
type verdict uint8

const (
	// keep: it is the same, or ours is newer.
	keep verdict = iota
	// move: only the end and the time of update are newer.
	move
	// take: merge it as a whole.
	take
)

// judge compares a peer's state with ours, if we have one.
func judge(own State, known bool, theirs State) verdict {
	switch {
	case !known || own.Sum != theirs.Sum:
		return take
	case theirs.Updated > own.Updated, theirs.Updated == own.Updated && theirs.Ends > own.Ends:
		return move
	default:
		return keep
	}
}
