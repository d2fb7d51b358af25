package chaos

import (
	"context"
	"slices"
	"syscall"
	"time"
)

// All are the scenarios, in the order of the table.
func All() []Scenario {
	return slices.Concat(healthy(), deaths(), cuts(), losses(), reach(), receivers(), pauses(), people(), broken())
}

// When something breaks, when that has lasted long, and when it heals if it is
// not to last until anybody alone speaks; in seconds.
const (
	breaks = 24.0
	mended = 58.0
	soon   = breaks + 15
)

// The frames of a long fault and of a brief one.
var (
	long  = Plan{From: breaks, To: mended}
	brief = Plan{From: breaks, To: soon + 8, Length: 118}
)

// step is a fault that needs nothing from outside.
func step(at float64, what string, do func(*World)) Step {
	return Step{at, what, func(_ context.Context, w *World) error { do(w); return nil }}
}

// heal makes the network good again.
func heal(at float64) Step { return step(at, "heal", func(w *World) { w.Heal() }) }

// leads makes the leader the victim.
func leads(ctx context.Context, w *World) (err error) {
	w.Victim, err = w.Leader(ctx)
	return err
}

// follows makes a node the victim that does not lead.
func follows(ctx context.Context, w *World) error {
	leader, err := w.Leader(ctx)
	if err == nil {
		w.Victim = w.Others(leader)[nodes-2]
	}
	return err
}

// picks makes the node with an index the victim.
func picks(i int) func(context.Context, *World) error {
	return func(_ context.Context, w *World) error { w.Victim = w.Nodes[i]; return nil }
}

// clean is wanted where all living nodes hear each other.
func clean(first float64) Want { return Want{First: within(first)} }

func healthy() []Scenario {
	return []Scenario{
		{Name: "healthy", Plan: long, Want: clean(usual), Short: true},
		{Name: "healthy, group_interval 10 s", Plan: Plan{From: 15, To: 60}, Interval: 10, Want: clean(usual)},
		{Name: "slow network: 100 ms each way", Plan: long, Want: clean(usual + 0.5), Steps: []Step{
			step(5, "slow links", func(w *World) { w.Mesh(Link{Delay: 100 * time.Millisecond}) }),
		}},
	}
}

// kill kills the victim at a time.
func kill(at float64) Step {
	return Step{at, "kill", func(_ context.Context, w *World) error { return w.Victim.Kill() }}
}

// restart starts the victim again.
func restart(at float64) Step {
	return Step{at, "start again", func(_ context.Context, w *World) error { return w.Victim.Start() }}
}

func deaths() []Scenario {
	// Groups begin around the moment of death, and after it.
	killed := func(name string, pick func(context.Context, *World) error, first float64) Scenario {
		return Scenario{Name: name, Plan: Plan{From: breaks, To: mended, Shift: -1.5}, Settle: pick, Steps: []Step{kill(breaks), restart(mended)}, Want: clean(usual + first)}
	}
	all := Scenario{
		Name: "all killed, alerts end meanwhile", Plan: long, Short: true,
		Steps: []Step{
			{breaks, "kill all", func(_ context.Context, w *World) error { return Each(w.Nodes, (*Node).Kill) }},
			{mended - 4, "start all", func(_ context.Context, w *World) error { return Each(w.Nodes, (*Node).Start) }},
		},
		Want: Want{First: []FirstWant{{Span{-1, breaks - 3}, usual}}},
	}
	leader := killed("leader killed", leads, 3)
	leader.Short = true
	return []Scenario{
		killed("node 1 killed", picks(0), 3), killed("node 2 killed", picks(1), 3), killed("node 3 killed", picks(2), 3),
		killed("follower killed (a dead first rank)", follows, 1.5),
		leader, killedHolding(), all, rolling(),
		{Name: "all restarted at once", Plan: long, Steps: []Step{{breaks, "restart all", restartAll}}, Want: clean(15)},
	}
}

// killedHolding kills a node while it tells a group the first time.
func killedHolding() Scenario {
	return Scenario{
		Name: "node killed holding the claim", Plan: long,
		Steps: []Step{
			step(breaks, "the next sender dies before it is answered", func(w *World) { w.strike((*Node).Kill, 5*time.Second) }),
			restart(mended),
		},
		Want: clean(usual + 12),
	}
}

// strike makes the sender of the next message the victim and does something to
// it before the message is answered, which takes a while longer.
func (w *World) strike(do func(*Node) error, answer time.Duration) {
	struck := false
	w.Sink.Answer(func(a Arrival) Answer {
		if struck {
			return Answer{}
		}
		for _, n := range w.Nodes {
			if n.Name == a.Node {
				struck, w.Victim = true, n
				w.Note("%s sends %s", n.Name, a.Group)
				if err := do(n); err != nil {
					w.Note("strike: %v", err)
				}
				return Answer{After: answer}
			}
		}
		return Answer{}
	})
}

// rolling restarts one node after the other.
func rolling() Scenario {
	s := Scenario{Name: "rolling restart", Plan: long, Want: clean(usual + 1.5)}
	for i := range nodes {
		s.Steps = append(s.Steps, Step{breaks + 10*float64(i), "restart", func(_ context.Context, w *World) error {
			w.Victim = w.Nodes[i]
			if err := w.Victim.Terminate(15 * time.Second); err != nil {
				return err
			}
			return w.Victim.Start()
		}})
	}
	return s
}

// cut is a step that makes the links of the victim like l.
func cut(at float64, l Link) Step {
	return step(at, "cut", func(w *World) { w.Isolate(w.Victim, l) })
}

// apart is a step that cuts all nodes off from one another.
func apart(at float64) Step {
	return step(at, "every node alone", func(w *World) { w.Mesh(Link{Cut: true}) })
}

func cuts() []Scenario {
	// The majority tells as ever; the island may tell each state once more.
	island := func(first float64) Want {
		return Want{PerState: 1, SameID: true, QuietFrom: mended + 1, First: within(usual + first)}
	}
	alone := Want{
		PerState: 2, SameID: true, QuietFrom: mended + 1,
		First: []FirstWant{{Span{-1, breaks - 2}, usual}, {Span{breaks - 2, breaks + 20}, 20}, {Span{breaks + 20, mended - 1}, usual}},
		Posts: &PostWant{Span{breaks, mended}, 0.050},
	}
	cutOff := Link{Cut: true}
	return []Scenario{
		{Name: "minority cut", Plan: long, Settle: follows, Steps: []Step{cut(breaks, cutOff), heal(mended)}, Want: island(1.5)},
		{Name: "leader cut", Plan: long, Settle: leads, Steps: []Step{cut(breaks, cutOff), heal(mended)}, Want: island(3)},
		{Name: "minority cut, heals in 15 s", Plan: brief, Settle: follows, Steps: []Step{cut(breaks, cutOff), heal(soon)}, Want: clean(usual + 1.5)},
		{Name: "leader cut, heals in 15 s", Plan: brief, Settle: leads, Steps: []Step{cut(breaks, cutOff), heal(soon)}, Want: clean(usual + 3)},
		{Name: "every node alone", Plan: long, Steps: []Step{apart(breaks), heal(mended)}, Want: alone, Short: true},
		{Name: "every node alone, heals in 15 s", Plan: brief, Steps: []Step{apart(breaks), heal(soon)}, Want: clean(20)},
		flapping(),
	}
}

// flapping cuts a node off and heals, over and over.
func flapping() Scenario {
	s := Scenario{Name: "flapping: leader cut 6 s in every 10", Plan: Plan{From: breaks, To: breaks + 50}, Settle: leads, Want: clean(20)}
	for at := breaks; at < breaks+50; at += 10 {
		s.Steps = append(s.Steps, cut(at, Link{Cut: true}), heal(at+6))
	}
	return s
}

func losses() []Scenario {
	deaf := step(breaks, "the victim hears nobody", func(w *World) {
		for _, o := range w.Others(w.Victim) {
			w.Set(o.Last, w.Victim.Last, Link{Cut: true})
		}
	})
	// A one-way loss cuts what needs answers both ways.
	oneWay := Want{PerState: 1, SameID: true, QuietFrom: mended + 1, First: within(usual + 3)}
	mesh := func(name string, l Link, want Want) Scenario {
		return Scenario{Name: name, Plan: long, Steps: []Step{step(breaks, name, func(w *World) { w.Mesh(l) }), heal(mended)}, Want: want}
	}
	return []Scenario{
		{Name: "one-way loss: leader hears nobody", Plan: long, Settle: leads, Steps: []Step{deaf, heal(mended)}, Want: oneWay},
		{Name: "one-way loss: follower hears nobody", Plan: long, Settle: follows, Steps: []Step{deaf, heal(mended)}, Want: oneWay},
		mesh("30 % loss between nodes", Link{Loss: 0.3}, clean(15)),
		mesh("no UDP", Link{Block: UDP}, clean(usual)),
		mesh("gossip blocked, Raft open", Link{Block: Gossip}, clean(usual)),
		mesh("Raft port blocked, gossip open", Link{Block: Raft}, Want{PerState: 2, SameID: true, QuietFrom: mended + 1, First: within(20)}),
	}
}

func reach() []Scenario {
	// Which node the sources reach is settled before the story begins.
	only := func(pick func(context.Context, *World) error) func(context.Context, *World) error {
		return func(ctx context.Context, w *World) error {
			if err := pick(ctx, w); err != nil {
				return err
			}
			for _, o := range w.Others(w.Victim) {
				w.Reach(o, Link{Cut: true})
			}
			return nil
		}
	}
	return []Scenario{
		{Name: "load balancer", Plan: long, Balanced: true, Want: clean(usual)},
		{Name: "sources reach one node only", Plan: long, Settle: only(follows), Want: clean(usual), Short: true},
		{Name: "each source reaches another node only", Plan: long, Want: clean(usual + 0.5), Settle: func(_ context.Context, w *World) error {
			for i := range byte(sources) {
				for _, n := range w.Nodes {
					w.Both(sourceHost+i, n.Last, Link{Cut: n.Last != 2+i})
				}
			}
			return nil
		}},
		{Name: "sources cut from one node for a minute", Plan: Plan{From: breaks, To: breaks + 60}, Settle: leads, Want: clean(usual + 0.5), Steps: []Step{
			step(breaks, "sources cut", func(w *World) { w.Reach(w.Victim, Link{Cut: true}) }), heal(breaks + 60),
		}},
	}
}

func receivers() []Scenario {
	// answers makes the receiver answer in a way for a time.
	answers := func(name string, length, most float64, ans Answer) Scenario {
		return Scenario{Name: name, Plan: Plan{From: breaks, To: breaks + length, Length: most}, Steps: []Step{
			step(breaks, name, func(w *World) { w.Sink.Answer(func(Arrival) Answer { return ans }) }),
			step(breaks+length, "the receiver is well", func(w *World) { w.Sink.Answer(nil) }),
		}}
	}
	return []Scenario{
		{Name: "receiver cut from one node", Plan: long, Settle: leads, Want: clean(usual + 12), Steps: []Step{
			step(breaks, "receiver cut", func(w *World) { w.Both(w.Victim.Last, sinkHost, Link{Cut: true}) }), heal(mended),
		}},
		answers("receiver down for 100 s", 100, 210, Answer{Code: 503}),
		answers("receiver answers 429 for 40 s", 40, 0, Answer{Code: 429, RetryAfter: "5"}),
		answers("receiver takes 8 s to answer", 40, 0, Answer{After: 8 * time.Second}),
	}
}

func pauses() []Scenario {
	const pause = 40
	stop := func(n *Node) error { return n.Signal(syscall.SIGSTOP) }
	wake := Step{breaks + pause, "wake", func(_ context.Context, w *World) error { return w.Victim.Signal(syscall.SIGCONT) }}
	// What the frozen node was about to tell has ended when it wakes.
	ends := func(p Plan) Story {
		s := p.Story()
		for i := range s.Alerts {
			if a := &s.Alerts[i]; a.Group == "g20" || a.Group == "g22" {
				a.Firing = []Span{{a.Firing[0].From, breaks + pause - 10}}
			}
		}
		return s
	}
	frozen := func(name string, pick func(context.Context, *World) error) Scenario {
		return Scenario{Name: name, Plan: Plan{From: breaks, To: breaks + 40}, Story: ends, Settle: pick, Want: clean(usual + 12), Steps: []Step{
			{breaks, "freeze", func(_ context.Context, w *World) error { return stop(w.Victim) }}, wake,
		}}
	}
	// The receiver took the message, and only the frozen sender can know: the
	// next one says it again, under the same ID.
	unheard := Want{Duplicates: 1, SameID: true, First: within(usual + 12)}
	during := Scenario{Name: "sender frozen 40 s during a send", Plan: Plan{From: breaks, To: breaks + 46}, Story: ends, Want: unheard, Steps: []Step{
		step(breaks, "the next sender freezes before it is answered", func(w *World) { w.strike(stop, 5*time.Second) }),
		{breaks + 46, "wake", func(_ context.Context, w *World) error { return w.Victim.Signal(syscall.SIGCONT) }},
	}}
	after := Scenario{Name: "sender frozen 40 s after a send", Plan: Plan{From: breaks, To: breaks + 46}, Story: ends, Want: unheard, Steps: []Step{
		step(breaks, "the next sender freezes before it hears the answer", func(w *World) { w.strike(stop, 0) }),
		{breaks + 46, "wake", func(_ context.Context, w *World) error { return w.Victim.Signal(syscall.SIGCONT) }},
	}}
	return []Scenario{frozen("follower frozen 40 s", follows), frozen("leader frozen 40 s", leads), frozenBefore(pause, ends), during, after}
}
