package alert

import (
	"slices"
	"sync"
	"sync/atomic"
)

// subscribers are those who want to know of every change of a Store.
type subscribers struct {
	mu    sync.Mutex                    // serialises changes of all
	all   atomic.Pointer[[]*subscriber] // nil: there are none; never changed in place
	rooms sync.Pool                     // of *[]Change
}

type subscriber struct {
	told func(changes []Change, from Origin)
}

// Origin is where an update comes from.
type Origin uint8

// The origins.
const (
	// Posted: a source gave it to this node.
	Posted Origin = iota
	// Heard: another node has it so, or this one had before a restart.
	Heard
)

// String is one word for logs and tests.
func (o Origin) String() string {
	switch o {
	case Posted:
		return "posted"
	case Heard:
		return "heard"
	default:
		return "unknown"
	}
}

// Subscribe has told called after every Put and Merge that changed something,
// before it returns, with what it did to the records, in the order of its batch,
// changes of the kind Refreshed among them. An update that said nothing new is
// not told. cancel ends it; a call that has begun may end after it.
//
// told is called on the goroutine of the update, by several at a time, without
// any lock of the store: it must not block, and must not keep changes, which are
// used again. What it is told of one record by two updates may come in either
// order: to know how an alert is now, ask the Record.
func (s *Store) Subscribe(told func(changes []Change, from Origin)) (cancel func()) {
	sub := &subscriber{told: told}
	s.subs.edit(func(all []*subscriber) []*subscriber { return append(slices.Clip(all), sub) })
	return func() {
		s.subs.edit(func(all []*subscriber) []*subscriber {
			return slices.DeleteFunc(slices.Clone(all), func(o *subscriber) bool { return o == sub })
		})
	}
}

func (s *subscribers) edit(change func([]*subscriber) []*subscriber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := change(s.list())
	if len(all) == 0 {
		s.all.Store(nil)
		return
	}
	s.all.Store(&all)
}

func (s *subscribers) list() []*subscriber {
	if all := s.all.Load(); all != nil {
		return *all
	}
	return nil
}

// room is an empty slice for what subs are to be told; nil if there are none.
func (s *subscribers) room(subs []*subscriber) *[]Change {
	if len(subs) == 0 {
		return nil
	}
	if r, ok := s.rooms.Get().(*[]Change); ok {
		return r
	}
	return new([]Change)
}

// maxRoom is how many changes a slice may have room for to be used again.
const maxRoom = 4096

// tell gives the changes to subs and takes the room back.
func (s *subscribers) tell(subs []*subscriber, room *[]Change, from Origin) {
	if room == nil {
		return
	}
	if len(*room) > 0 {
		for _, sub := range subs {
			sub.told(*room, from)
		}
	}
	if cap(*room) > maxRoom {
		return
	}
	clear(*room) // it must not keep alerts alive
	*room = (*room)[:0]
	s.rooms.Put(room)
}
