package fault_test

import (
	"net"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos/fault"
)

// TestGate dials a gate that is shut: nothing is seen on the other side but that
// one process dials; once it is open the dial succeeds, even if its process was
// stopped meanwhile.
func TestGate(t *testing.T) {
	t.Parallel()
	c, other := start(t), start(t)
	g, err := fault.NewGate("127.0.0.1:0")
	possible(t, err)
	t.Cleanup(func() { _ = g.Close() })
	if pid, err := g.Dialling(other.pid(), c.pid()); pid != 0 || err != nil {
		t.Errorf("before anybody dials %d does (%v)", pid, err)
	}
	c.tell("dial %s", g.Addr())
	var pid int
	rig.Eventually(5*time.Second, time.Millisecond, func() bool {
		pid, err = g.Dialling(other.pid(), c.pid())
		return pid != 0 || err != nil
	})
	if pid != c.pid() || err != nil {
		t.Fatalf("%d dials (%v), want %d", pid, err, c.pid())
	}
	if got, ok := c.answer(1500 * time.Millisecond); ok {
		t.Fatalf("a dial through a shut gate: %s", got)
	}
	possible(t, fault.Pause(c.pid()))
	g.Open()
	arrived := make(chan net.Addr)
	go func() {
		defer close(arrived)
		for {
			conn, err := g.Accept()
			if err != nil {
				return
			}
			arrived <- conn.RemoteAddr()
			_ = conn.Close()
		}
	}()
	// The first are what held the gate shut; the last is the paused process,
	// whose kernel goes on dialling.
	quiet := false
	for n := 0; !quiet; {
		select {
		case <-arrived:
			n++
		case <-time.After(5 * time.Second):
			if quiet = true; n < 2 {
				t.Errorf("%d connections came through, want those that held the gate and one of the paused process", n)
			}
		}
	}
	check(t, fault.Resume(c.pid()))
	if got, _ := c.answer(10 * time.Second); got != done(nil) {
		t.Errorf("the dial after the gate was opened: %q", got)
	}
	check(t, g.Close())
	for range arrived {
	}
}

func TestGateNeedsAnAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "localhost:1", "203.0.113.1:1"} {
		if g, err := fault.NewGate(address); err == nil {
			t.Errorf("NewGate(%q) is no error", address)
			_ = g.Close()
		}
	}
}
