package fault_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/cmd/tocsin/chaos/fault"
)

func TestPause(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.ask("hello")
	for range 3 {
		possible(t, fault.Pause(c.pid()))
		c.tell("hello")
		if got, ok := c.answer(200 * time.Millisecond); ok {
			t.Errorf("a paused process says %q", got)
		}
		check(t, fault.Pause(c.pid())) // it is so already
		check(t, fault.Resume(c.pid()))
		if _, ok := c.answer(10 * time.Second); !ok {
			t.Error("a process says nothing after its pause")
		}
	}
	check(t, fault.Resume(c.pid())) // it is not paused
}

func TestKill(t *testing.T) {
	t.Parallel()
	for _, paused := range []bool{false, true} {
		c := start(t)
		c.ask("hello")
		if paused {
			check(t, fault.Pause(c.pid()))
		}
		check(t, fault.Kill(c.pid()))
		if got, ok := c.answer(10 * time.Second); ok {
			t.Errorf("a killed process says %q", got)
		}
		check(t, fault.Kill(c.pid()))
	}
}

// TestTrap springs a trap from several sides at once: one pause.
func TestTrap(t *testing.T) {
	t.Parallel()
	a, b := start(t), start(t)
	const length = 600 * time.Millisecond
	trap := fault.NewTrap(length)
	if pid := trap.Sprung(); pid != 0 {
		t.Errorf("a new trap has sprung on %d", pid)
	}
	began := time.Now()
	var sprung atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if trap.Spring([]*child{a, b}[i%2].pid()) {
				sprung.Add(1)
			}
		})
	}
	wg.Wait()
	if n := sprung.Load(); n != 1 {
		t.Fatalf("the trap sprang %d times", n)
	}
	caught, free := a, b
	if trap.Sprung() == b.pid() {
		caught, free = b, a
	}
	free.ask("hello")
	caught.tell("hello")
	select {
	case got := <-caught.answers:
		t.Errorf("in the trap a process says %q", got)
	case <-trap.Over():
	}
	if took := time.Since(began); took < length {
		t.Errorf("the pause took %v, want %v at least", took, length)
	}
	if _, ok := caught.answer(10 * time.Second); !ok {
		t.Error("after the trap the process says nothing")
	}
	check(t, trap.Err())
}

func TestTrapOnNobody(t *testing.T) {
	t.Parallel()
	trap := fault.NewTrap(time.Hour)
	trap.Spring(1 << 30)
	<-trap.Over()
	if trap.Err() == nil {
		t.Error("a trap that caught nobody says nothing of it")
	}
}
