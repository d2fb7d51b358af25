package chaos

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"tocsin/cmd/tocsin/chaos/fault"
)

// diskSize is the size of a node's own disk. It is sparse.
const diskSize = 256 << 20

// victimFirst makes the first node the victim, and sees to it that it leads, or
// does not. Alertmanager has no leader, and nothing is done there.
func victimFirst(lead bool) func(context.Context, *World) error {
	return func(ctx context.Context, w *World) error {
		w.Victim = w.Nodes[0]
		if w.Sys.Name != Tocsin {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		for {
			leader, err := w.Leader(ctx)
			if err == nil && (leader == w.Victim) == lead {
				return nil
			}
			if err == nil {
				next := w.Nodes[0]
				if !lead {
					next = w.Nodes[1]
				}
				err = w.handOver(ctx, leader, next)
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("make n1 lead (%v): %w", lead, err)
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// handOver makes another node the leader.
func (w *World) handOver(ctx context.Context, from, to *Node) error {
	v, err := to.view(ctx)
	if err != nil {
		return err
	}
	return from.Do(ctx, "POST", "/api/tocsin/v1/raft/transfer-leadership", map[string]string{"id": v.name}, nil)
}

// diskFault is something that happens to the disk of the victim.
type diskFault struct {
	name       string
	begin, end func(context.Context, *World) error
}

// ownDisk puts the first node's data on a disk of its own.
func ownDisk(_ context.Context, w *World) error {
	d, err := fault.MakeDisk(w.Nodes[0].Data(), diskSize)
	if err != nil {
		return err
	}
	w.disk = d
	return nil
}

// diskFaults are what may happen to a disk.
func diskFaults() []diskFault {
	return []diskFault{
		{
			"full disk",
			func(_ context.Context, w *World) error { return w.disk.Fill() },
			func(_ context.Context, w *World) error { return w.disk.Free() },
		},
		{
			"hung disk",
			func(_ context.Context, w *World) error { return w.disk.Freeze() },
			func(_ context.Context, w *World) error { return w.disk.Thaw() },
		},
		{
			"failing fsync",
			func(_ context.Context, w *World) (err error) {
				w.syncs, err = fault.FailSync(w.Victim.PID(), fault.Sync{Errno: syscall.EIO})
				return err
			},
			func(_ context.Context, w *World) error { return w.syncs.Stop() },
		},
	}
}

// disks are scenarios of the disk of one node.
func disks() []Scenario {
	var out []Scenario
	for _, f := range diskFaults() {
		for _, lead := range []bool{false, true} {
			// A claim that the node holds when its disk breaks has to run out.
			who, first := "follower", 12.0
			if lead {
				who, first = "leader", 15
			}
			out = append(out, Scenario{
				Name: f.name + " of the " + who, Plan: long, Prepare: ownDisk, Settle: victimFirst(lead), Want: clean(usual + first),
				Steps: []Step{
					{breaks, f.name, f.begin},
					{mended, "the disk is well again", f.end},
					// Somebody has mended the disk, and starts what has ended.
					{mended + 2, "start it if it has ended", func(_ context.Context, w *World) error { return w.Victim.ensure() }},
				},
			})
		}
	}
	return out
}

// clocks are scenarios of wrong wall clocks.
func clocks() []Scenario {
	var out []Scenario
	for _, lead := range []bool{false, true} {
		for _, by := range []time.Duration{time.Hour, -time.Hour} {
			who := "follower"
			if lead {
				who = "leader"
			}
			out = append(out, Scenario{
				Name: fmt.Sprintf("wall clock of the %s stepped by %+.0f h, and back", who, by.Hours()),
				Plan: long, Settle: victimFirst(lead), Want: clean(usual + 0.5),
				Steps: []Step{
					{breaks, "step the clock", func(_ context.Context, w *World) error { return w.stepClock(w.Victim, by) }},
					{mended, "step it back", func(_ context.Context, w *World) error { return w.stepClock(w.Victim, 0) }},
				},
			})
		}
	}
	return append(out, Scenario{
		Name: "wall clocks minutes apart", Plan: long, Want: clean(usual + 0.5),
		Settle: func(_ context.Context, w *World) error {
			if err := w.stepClock(w.Nodes[0], 3*time.Minute); err != nil {
				return err
			}
			return w.stepClock(w.Nodes[1], -2*time.Minute)
		},
	})
}

// stepClock sets how far the wall clock of a node is off.
func (w *World) stepClock(n *Node, by time.Duration) error {
	c := w.clocks[n]
	if c == nil {
		var err error
		if c, err = fault.OpenClock(n.PID()); err != nil {
			return err
		}
		w.clocks[n] = c
	}
	return c.Step(by)
}

// frozenBefore freezes the next sender when it has decided to send and its
// connection is not there yet, and wakes it after a while.
func frozenBefore(pause float64, story func(Plan) Story) Scenario {
	return Scenario{
		Name: "sender frozen 40 s before a send", Plan: Plan{From: breaks, To: breaks + pause + 6}, Story: story, Want: clean(usual + 12),
		// Every message makes a connection.
		Prepare: func(_ context.Context, w *World) error { w.Sink.srv.SetKeepAlivesEnabled(false); return nil },
		Steps: []Step{
			step(breaks, "the next sender freezes when it connects", func(w *World) {
				w.Watch(func(from, to byte, frame []byte) {
					if to == sinkHost && from <= nodes && opens(frame) && !w.trapped.Swap(true) {
						w.Victim = w.Nodes[from-1]
						w.Note("%s connects", w.Victim.Name)
						w.Set(from, to, Link{Cut: true})
						if err := fault.Pause(w.Victim.PID()); err != nil {
							w.Note("pause: %v", err)
						}
					}
				})
			}),
			{breaks + pause + 6, "wake", func(_ context.Context, w *World) error {
				if !w.trapped.Load() {
					return fmt.Errorf("nobody has sent anything")
				}
				w.Heal()
				return fault.Resume(w.Victim.PID())
			}},
		},
	}
}

// broken are the scenarios that need faults of a process or its disk.
func broken() []Scenario { return slices.Concat(disks(), clocks()) }
