package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// Random is a scenario that a seed draws: three faults of any kind, one after
// the other or at once, all of which are over in the end. The faults are the
// same for the same seed; what the processes make of them is not.
func Random(seed uint64) Scenario {
	rng := rand.New(rand.NewPCG(seed, 0))
	const last = 80.0
	s := Scenario{
		Name: fmt.Sprintf("random %d", seed),
		Plan: Plan{From: breaks, To: last},
		// Whatever happened: nothing is lost, nothing false is said, and what is
		// said again is what one of three said alone.
		Want: Want{PerState: 2},
	}
	for range 3 {
		n := rng.IntN(nodes)
		from := breaks + rng.Float64()*(last-breaks-20)
		to := min(from+2+rng.Float64()*40, last)
		s.Steps = append(s.Steps, draw(rng, n, from, to)...)
	}
	s.Steps = append(s.Steps, Step{last, "all is well again", wholeAgain})
	slices.SortStableFunc(s.Steps, func(a, b Step) int {
		return int((a.At - b.At) * 1e6)
	})
	return s
}

// draw is one fault of a node and its end.
func draw(rng *rand.Rand, n int, from, to float64) []Step {
	type act = func(*World, *Node) error
	both := func(what string, begin, end act) []Step {
		on := func(at float64, what string, do act) Step {
			return Step{at, fmt.Sprintf("%s n%d", what, n+1), func(_ context.Context, w *World) error { return do(w, w.Nodes[n]) }}
		}
		return []Step{on(from, what, begin), on(to, "end of: "+what, end)}
	}
	link := func(what string, l Link) []Step {
		set := func(l Link) act { return func(w *World, v *Node) error { w.Isolate(v, l); return nil } }
		return both(what, set(l), set(Link{}))
	}
	signal := func(sig syscall.Signal) act { return func(_ *World, v *Node) error { return v.Signal(sig) } }
	reach := func(cut bool) act { return func(w *World, v *Node) error { w.Reach(v, Link{Cut: cut}); return nil } }
	tell := func(cut bool) act {
		return func(w *World, v *Node) error { w.Both(v.Last, sinkHost, Link{Cut: cut}); return nil }
	}
	switch rng.IntN(8) {
	case 0:
		return both("kill", func(_ *World, v *Node) error { return v.Kill() }, func(_ *World, v *Node) error { return v.ensure() })
	case 1:
		return both("freeze", signal(syscall.SIGSTOP), signal(syscall.SIGCONT))
	case 2:
		return link("cut", Link{Cut: true})
	case 3:
		return link("half of the packets lost to and from", Link{Loss: 0.5})
	case 4:
		return link("no gossip to and from", Link{Block: Gossip})
	case 5:
		return link("no Raft to and from", Link{Block: Raft})
	case 6:
		return both("sources cut from", reach(true), reach(false))
	default:
		return both("receiver cut from", tell(true), tell(false))
	}
}

// ensure starts the node's process unless it runs.
func (n *Node) ensure() error {
	if n.Running() {
		return nil
	}
	return n.Start()
}

// wholeAgain ends all faults that random scenarios have.
func wholeAgain(_ context.Context, w *World) error {
	w.Heal()
	return Each(w.Nodes, func(n *Node) error {
		if err := n.ensure(); err != nil {
			return err
		}
		return n.Signal(syscall.SIGCONT)
	})
}

// restartAll ends all nodes well, at once, and starts them again.
func restartAll(_ context.Context, w *World) error {
	if err := Each(w.Nodes, func(n *Node) error { return n.Terminate(20 * time.Second) }); err != nil {
		return err
	}
	return Each(w.Nodes, (*Node).Start)
}
