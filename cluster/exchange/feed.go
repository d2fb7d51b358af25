package exchange

import "sync"

// feed is what this node has to tell: the hashes of alerts that changed, in two
// queues that all links read at their own pace. Only hashes are kept, so a
// message always has the newest state, and a peer that is slow costs nothing:
// what it has not read when the queue is full is lost for it, and it is told.
type feed struct {
	mu          sync.Mutex // taken before a link's
	transitions queue      // guarded by mu
	refreshes   queue      // guarded by mu
}

// queue is the newest hashes; the first of them has the number base.
type queue struct {
	base   uint64
	hashes []uint64
	limit  int
}

// position is how far a link has read.
type position struct{ transitions, refreshes uint64 }

func newFeed(limit int) *feed {
	return &feed{transitions: queue{limit: limit}, refreshes: queue{limit: limit}}
}

// end is behind all that was added. The caller has the lock.
func (f *feed) end() position { return position{f.transitions.end(), f.refreshes.end()} }

func (q *queue) end() uint64 { return q.base + uint64(len(q.hashes)) }

func (q *queue) add(hashes []uint64) {
	q.hashes = append(q.hashes, hashes...)
	// Dropping them by halves makes it cheap.
	if over := len(q.hashes) - q.limit; over > q.limit {
		q.base += uint64(over)
		q.hashes = q.hashes[:copy(q.hashes, q.hashes[over:])]
	}
}

// read adds up to limit hashes from the position on to dst, and says where to go on
// and how many were lost before that.
func (q *queue) read(dst []uint64, from uint64, limit int) (_ []uint64, next, lost uint64) {
	oldest := q.base
	if len(q.hashes) > q.limit {
		oldest = q.end() - uint64(q.limit)
	}
	if from < oldest {
		lost, from = oldest-from, oldest
	}
	n := min(uint64(limit), q.end()-from)
	start := from - q.base
	return append(dst, q.hashes[start:start+n]...), from + n, lost
}
