package fsm

import (
	"maps"
	"slices"
	"sync"

	"tocsin/fsm/model"
)

// Change says what a batch, or a restore, changed.
type Change struct {
	// Index is the applied index after it.
	Index uint64
	// Config, Silences, Nodes and Records say which of them changed.
	Config, Silences, Nodes, Records bool
	// Keys are the ledger entries that changed, ascending.
	Keys []model.DeliveryKey
	// Restored: a snapshot took the place of everything. All of the above are
	// set, and Keys are those of before and after.
	Restored bool
}

// watch tells those who wait that the state has moved. The zero value must be
// opened.
type watch struct {
	mu        sync.Mutex
	next      chan struct{} // closed at the next change; guarded by mu
	closed    bool          // guarded by mu
	number    int           // of the last observer; guarded by mu
	observers map[int]func(Change)
	keys      map[model.DeliveryKey]map[chan struct{}]struct{}
}

func (w *watch) open() {
	w.next = make(chan struct{})
	w.observers = map[int]func(Change){}
	w.keys = map[model.DeliveryKey]map[chan struct{}]struct{}{}
}

// moved is closed at the next change, or when the machine closes.
func (w *watch) moved() (<-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	return w.next, nil
}

func (w *watch) tell(c Change) {
	w.mu.Lock()
	if !w.closed {
		close(w.next)
		w.next = make(chan struct{})
	}
	for _, k := range c.Keys {
		for ch := range w.keys[k] {
			close(ch)
		}
		delete(w.keys, k)
	}
	numbers := slices.Sorted(maps.Keys(w.observers))
	calls := make([]func(Change), len(numbers))
	for i, n := range numbers {
		calls[i] = w.observers[n]
	}
	w.mu.Unlock()
	for _, call := range calls {
		call(c)
	}
}

func (w *watch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		close(w.next)
	}
}

// Observe calls fn after each change is visible in View: in order, from the
// goroutine that applies. fn must not block and must not apply. After cancel
// returns, a call that had begun may still be under way.
func (m *Machine) Observe(fn func(Change)) (cancel func()) {
	w := &m.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.number++
	n := w.number
	w.observers[n] = fn
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.observers, n)
	}
}

// Watch returns a channel that is closed at the next change of the key's entry:
// to miss none, watch first and read the entry then. Call cancel when done; it
// may be called more than once.
func (m *Machine) Watch(key model.DeliveryKey) (changed <-chan struct{}, cancel func()) {
	w := &m.watch
	ch := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys[key] == nil {
		w.keys[key] = map[chan struct{}]struct{}{}
	}
	w.keys[key][ch] = struct{}{}
	return ch, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.keys[key], ch)
		if len(w.keys[key]) == 0 {
			delete(w.keys, key)
		}
	}
}

// Watching is how many channels of Watch are open.
func (m *Machine) Watching() int {
	m.watch.mu.Lock()
	defer m.watch.mu.Unlock()
	n := 0
	for _, chs := range m.watch.keys {
		n += len(chs)
	}
	return n
}
