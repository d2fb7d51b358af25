package dispatcher

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// schedule is the one timer of a dispatcher: what is due when, earliest first.
// Each slot is in it at most once. Moments are of the monotonic clock.
type schedule struct {
	// gate is before which nothing is due: the end of the start delay.
	gate time.Time
	wake chan struct{}

	mu    sync.Mutex
	slots slotHeap
}

// slot is something that will be due. It belongs to whoever pushes it.
type slot struct {
	// fire is called by a worker when it is due; it must not block for long.
	fire func()
	// of is whom the slot is dropped with.
	of *epoch

	at time.Time
	// place is the index in the heap plus one, 0 for a slot that is not in it.
	place int
}

func newSchedule(gate time.Time) *schedule {
	return &schedule{gate: gate, wake: make(chan struct{}, 1)}
}

// push makes s due at the given time, in the place of any other time it was due
// at.
func (q *schedule) push(s *slot, at time.Time) {
	q.mu.Lock()
	s.at = at
	if s.place > 0 {
		heap.Fix(&q.slots, s.place-1)
	} else {
		heap.Push(&q.slots, s)
	}
	first := s.place == 1
	q.mu.Unlock()
	if first {
		poke(q.wake)
	}
}

// advance makes s due at the given time if it is in, and due later.
func (q *schedule) advance(s *slot, at time.Time) {
	q.mu.Lock()
	early := s.place > 0 && at.Before(s.at)
	if early {
		s.at = at
		heap.Fix(&q.slots, s.place-1)
	}
	q.mu.Unlock()
	if early {
		poke(q.wake)
	}
}

// remove takes s out, if it is in.
func (q *schedule) remove(s *slot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.place > 0 {
		heap.Remove(&q.slots, s.place-1)
	}
}

// drop takes out all slots of an epoch.
func (q *schedule) drop(of *epoch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.slots[:0]
	for _, s := range q.slots {
		if s.of == of {
			s.place = 0
			continue
		}
		kept = append(kept, s)
	}
	clear(q.slots[len(kept):])
	q.slots = kept
	for i, s := range q.slots {
		s.place = i + 1
	}
	heap.Init(&q.slots)
}

// pop takes out what is due at now, one at a time. If nothing is, it says how
// long until something could be.
func (q *schedule) pop(now time.Time) (s *slot, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.slots) == 0 {
		return nil, forever
	}
	at := q.slots[0].at
	if at.Before(q.gate) {
		at = q.gate
	}
	if wait := at.Sub(now); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&q.slots).(*slot), 0
}

// forever is longer than any wait for something that is pushed later.
const forever = time.Hour

// run hands what is due to the workers, in order, until ctx ends. When all
// workers are busy it waits for one; what is late then is late, not lost.
func (q *schedule) run(ctx context.Context, workers chan<- *slot) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s, wait := q.pop(time.Now())
		if s != nil {
			select {
			case workers <- s:
			case <-ctx.Done():
				return
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-q.wake:
		case <-ctx.Done():
			return
		}
	}
}

// poke leaves a signal in a channel with room for one.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// slotHeap implements heap.Interface.
type slotHeap []*slot

func (h slotHeap) Len() int           { return len(h) }
func (h slotHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h slotHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

// Push is for package heap.
func (h *slotHeap) Push(x any) {
	s := x.(*slot)
	*h = append(*h, s)
	s.place = len(*h)
}

// Pop is for package heap.
func (h *slotHeap) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	s.place = 0
	return s
}
