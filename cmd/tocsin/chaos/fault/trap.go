package fault

import (
	"sync"
	"time"
)

// Trap pauses one sender once, at a moment of a delivery that a receiver, or
// whoever watches, can tell from outside. The moments:
//
//   - before: the sender has decided to send and no connection is open. Shut a
//     Gate in front of the receiver, wait until Gate.Dialling names the sender,
//     Spring, and open the gate again.
//   - during: a receiver calls Spring when it has the request, and holds its
//     answer until Over.
//   - after: a receiver calls Spring when it has the request, and answers at
//     once: the answer lies in the sender's socket, and the sender has not seen
//     it. Spring returns when the sender is stopped, so it cannot be too late, as
//     it may be where it is called after the answer was written.
//
// Safe for concurrent use.
type Trap struct {
	length time.Duration

	once sync.Once
	over chan struct{}

	mu  sync.Mutex
	pid int
	err error
}

// NewTrap makes a trap that pauses for a length of time.
func NewTrap(length time.Duration) *Trap {
	return &Trap{length: length, over: make(chan struct{})}
}

// Spring pauses a process if the trap has not sprung yet, and reports whether it
// did so now. It returns when the process is stopped.
func (t *Trap) Spring(pid int) (now bool) {
	t.once.Do(func() {
		now = true
		err := Pause(pid)
		t.note(pid, err)
		if err != nil {
			close(t.over)
			return
		}
		time.AfterFunc(t.length, func() {
			t.note(pid, Resume(pid))
			close(t.over)
		})
	})
	return now
}

func (t *Trap) note(pid int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pid, t.err = pid, err
}

// Sprung is the process that was paused; zero if none was yet.
func (t *Trap) Sprung() (pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pid
}

// Over is closed when the pause is over.
func (t *Trap) Over() <-chan struct{} { return t.over }

// Err says whether the pause or its end failed.
func (t *Trap) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}
