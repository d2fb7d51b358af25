package e2e_test

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos/fault"
)

// frozen is how long a sender stands still: much longer than a claim lives.
const frozen = 40 * time.Second

// The three tests below stop a sender for 40 s at different moments of its first
// message about an alert, which ends meanwhile. Others tell its beginning and its
// end; the sender says nothing any more when it wakes (I1, I9, I17).

// TestPausedBeforeSend: it has its claim, and no connection yet. Nobody but it
// could know that nothing was told, so it is told once.
func TestPausedBeforeSend(t *testing.T) {
	t.Parallel()
	gate, err := fault.NewGate("127.0.0.1:0")
	possible(t, err)
	s := newFaultyStory(t, "http://"+gate.Addr().String()+"/")
	s.behind(gate)
	trap := fault.NewTrap(frozen)
	s.post("a", s.c.Nodes...)
	var pids []int
	for _, n := range s.c.Nodes {
		pids = append(pids, n.PID())
	}
	sender := 0
	s.within(10*time.Second, "somebody connects", func() bool {
		sender, err = gate.Dialling(pids...)
		return sender != 0 || err != nil
	})
	if err != nil || sender == 0 || !trap.Spring(sender) {
		t.Fatalf("pause the sender %d: %v", sender, err)
	}
	gate.Open()
	s.whilePaused(trap, 1)
}

// TestPausedDuringSend: the receiver has the message and answers only when the
// sender has given up. It gets the message again, under the same ID.
func TestPausedDuringSend(t *testing.T) {
	t.Parallel()
	s := newFaultyStory(t, "")
	trap := fault.NewTrap(frozen)
	s.springAt(trap, frozen+5*time.Second)
	s.post("a", s.c.Nodes...)
	s.whilePaused(trap, 2)
}

// TestPausedAfterSend: the receiver has answered, and the sender has not heard
// it. The message may be told again, under the same ID.
func TestPausedAfterSend(t *testing.T) {
	t.Parallel()
	s := newFaultyStory(t, "")
	trap := fault.NewTrap(frozen)
	s.springAt(trap, 0)
	s.post("a", s.c.Nodes...)
	s.whilePaused(trap, 2)
}

// springAt stops the sender of the first message before it is answered.
func (s *faultyStory) springAt(trap *fault.Trap, answer time.Duration) {
	s.hook.Answer(func(_ int, m *rig.Message) rig.Answer {
		if n := s.c.Sender(m); n != nil && trap.Spring(n.PID()) {
			return rig.Answer{After: answer}
		}
		return rig.Answer{}
	})
}

// whilePaused is the rest of the story. The beginning may arrive at the receiver
// up to most times, always under one ID.
func (s *faultyStory) whilePaused(trap *fault.Trap, most int) {
	s.t.Helper()
	s.t.Cleanup(func() {
		if pid := trap.Sprung(); pid != 0 {
			_ = fault.Resume(pid) // or it could not end well
		}
	})
	s.within(10*time.Second, "the sender is stopped", func() bool { return trap.Sprung() != 0 })
	// The claim's life and the doubt about it, or an election if it led.
	s.within(18*time.Second, "another node tells the beginning", func() bool { return s.byAnother("firing", trap.Sprung()) })
	s.endWithout(trap.Sprung())
	s.within(8*time.Second, "another node tells the end", func() bool { return s.byAnother("resolved", trap.Sprung()) })
	<-trap.Over()
	noError(s.t, trap.Err())
	time.Sleep(8 * time.Second) // two turns of the groups, and what the sender had in mind
	s.well(20 * time.Second)

	s.toldInOrder(most)
	s.c.AwaitAgreement(s.t, 10*time.Second)
}

// byAnother reports whether a node other than one has told a state.
func (s *faultyStory) byAnother(status string, paused int) bool {
	return slices.ContainsFunc(s.all(), func(a rig.Arrival) bool {
		n := s.c.Sender(a.Message)
		return a.Message.Status == status && n != nil && n.PID() != paused
	})
}

// toldInOrder checks that the receiver got the beginning up to most times, under
// one ID, and then the end once. Never the beginning after the end (I17).
func (s *faultyStory) toldInOrder(most int) {
	s.t.Helper()
	var story, ids []string
	for _, a := range s.all() {
		story = append(story, a.Message.Status)
		if a.Message.Status == "firing" {
			ids = append(ids, a.Header.Get("Idempotency-Key"))
		}
	}
	want := append(slices.Repeat([]string{"firing"}, len(ids)), "resolved")
	if len(ids) < 1 || len(ids) > most || !slices.Equal(story, want) {
		s.t.Errorf("the receiver was told %v, want firing up to %d times, and then resolved once", story, most)
	}
	if slices.ContainsFunc(ids, func(id string) bool { return id != ids[0] }) {
		s.t.Errorf("the same message came under the IDs %q", ids)
	}
}

// endWithout posts the end of the alert to all nodes but one.
func (s *faultyStory) endWithout(paused int) {
	s.t.Helper()
	end := time.Since(s.zero).Seconds()
	for _, n := range s.c.Nodes {
		if n.PID() == paused {
			continue
		}
		if r := n.PostAlerts(s.alert("a").To(end).API(s.zero)); r.Code != 200 {
			s.t.Errorf("POST the end to %s: %v", n.Name, r)
		}
	}
}

// all are the messages that arrived, also those whose sender did not hear of it.
func (s *faultyStory) all() []rig.Arrival {
	var out []rig.Arrival
	for _, a := range s.hook.Arrivals() {
		if a.Message == nil {
			s.t.Errorf("a request is no notification: %s", a.Problem)
			continue
		}
		out = append(out, a)
	}
	return out
}

// behind passes what comes through a gate on to the sink.
func (s *faultyStory) behind(g *fault.Gate) {
	to := strings.TrimSuffix(strings.TrimPrefix(s.hook.URL, "http://"), "/hook")
	go func() {
		for {
			in, err := g.Accept()
			if err != nil {
				return
			}
			go forward(in, to)
		}
	}()
	s.t.Cleanup(func() { _ = g.Close() })
}

// forward joins a connection to an address until either side ends it.
func forward(in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(out, in) // either end ends both
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
}
