package alert

import "sync/atomic"

// Record is the place of one label set in a Store, for as long as it is there.
// All methods are safe for concurrent use.
type Record struct {
	alert atomic.Pointer[Alert]
	// holds counts those who hold the record; it is gone once it is collected.
	holds atomic.Int32
	// arrived is the UpdatedAt of the last update that was posted to this
	// node, before Put moved it behind one heard from elsewhere. It is guarded
	// by the shard's lock.
	arrived int64
}

// gone is the value of Record.holds after the record left the store.
const gone = -1

// Load is the alert as it is now. It is never nil.
func (r *Record) Load() *Alert { return r.alert.Load() }

// Hold keeps the record in the store until Drop is called as often. A group
// holds a record from when it takes the alert in until its resolved
// notification is done, so that the alert is not collected before that. It
// returns false if the record has left the store already; the alert was
// resolved then, and an update of it makes a new record.
func (r *Record) Hold() bool {
	for {
		n := r.holds.Load()
		if n == gone {
			return false
		}
		if r.holds.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Drop takes one Hold back.
func (r *Record) Drop() {
	if r.holds.Add(-1) < 0 {
		panic("BUG: alert record dropped more often than held")
	}
}

// Held counts the holds; it is 0 for a record that left the store.
func (r *Record) Held() int { return max(0, int(r.holds.Load())) }

// retire marks the record as gone if nobody holds it.
func (r *Record) retire() bool { return r.holds.CompareAndSwap(0, gone) }
