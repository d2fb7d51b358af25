package inhibit

import (
	"sync"
	"time"

	"tocsin/dispatcher/alert"
)

// stale is how long a source has been over when it is forgotten.
const stale = 5 * time.Minute

// sources are the source alerts of one rule, by the values of its equal labels.
type sources struct {
	mu      sync.RWMutex
	buckets map[string]*bucket
}

// bucket holds the sources with the same values, those that match the rule's
// target side too apart. hint is a source of each that fired when last asked.
type bucket struct {
	mu    sync.Mutex
	pure  side
	mixed side
}

type side struct {
	records map[*alert.Record]struct{}
	hint    *alert.Record
}

func newSources() *sources { return &sources{buckets: make(map[string]*bucket)} }

// add files a record; mixed says that it matches the target side too.
func (s *sources) add(key []byte, r *alert.Record, mixed bool) {
	s.mu.Lock()
	b := s.buckets[string(key)]
	if b == nil {
		b = &bucket{}
		s.buckets[string(key)] = b
	}
	// The bucket is locked before the map is let go, so that sweep cannot
	// take it away in between.
	b.mu.Lock()
	s.mu.Unlock()
	defer b.mu.Unlock()
	sd := &b.pure
	if mixed {
		sd = &b.mixed
	}
	if sd.records == nil {
		sd.records = make(map[*alert.Record]struct{})
	}
	sd.records[r] = struct{}{}
}

// find is a source that fires at now. pureOnly leaves out those that match the
// target side too.
func (s *sources) find(key []byte, now time.Time, pureOnly bool) (*alert.Alert, bool) {
	s.mu.RLock()
	b := s.buckets[string(key)]
	s.mu.RUnlock()
	if b == nil {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.pure.find(now); ok || pureOnly {
		return a, ok
	}
	return b.mixed.find(now)
}

func (d *side) find(now time.Time) (*alert.Alert, bool) {
	if d.hint != nil {
		if a := d.hint.Load(); !a.Resolved(now) {
			return a, true
		}
		d.hint = nil
	}
	for r := range d.records {
		a := r.Load()
		if !a.Resolved(now) {
			d.hint = r
			return a, true
		}
		if a.Resolved(now.Add(-stale)) {
			delete(d.records, r)
		}
	}
	return nil, false
}

// sweep forgets what has been over for a while.
func (s *sources) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, b := range s.buckets {
		b.mu.Lock()
		if b.pure.sweep(now)+b.mixed.sweep(now) == 0 {
			delete(s.buckets, key)
		}
		b.mu.Unlock()
	}
}

func (d *side) sweep(now time.Time) int {
	for r := range d.records {
		if r.Load().Resolved(now.Add(-stale)) {
			delete(d.records, r)
			if d.hint == r {
				d.hint = nil
			}
		}
	}
	return len(d.records)
}

// empty reports whether there is no source at all.
func (s *sources) empty() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.buckets) == 0
}
