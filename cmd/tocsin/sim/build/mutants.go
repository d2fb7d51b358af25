package main

// mutant is a rule of the product that is broken on purpose, to see that the
// simulation notices.
//
// menu are the faults that bring it to light; a few kinds are found in far fewer
// seeds than all of them. nodes is how many nodes it takes.
type mutant struct {
	name    string
	menu    string
	nodes   int
	changes []change
}

var mutants = []mutant{
	{"grant-two-claims", "delay,reload,transfer", 3, []change{
		{"fsm/grant.go", "	case e.Claim != nil:\n		return model.DeniedClaimed, 0\n", ""},
		{"fsm/grant.go", "	case q.BaseRev != e.Rev:\n		return model.DeniedStaleRev, 0\n", ""},
	}},
	{"expire-believes-nothing-was-sent", "fell", 3, []change{
		{"fsm/expire.go", "	toldOf(&e).perhaps(e.Claim.Firing, e.Claim.Resolved).putInto(&e)\n", ""},
	}},
	{"expire-doubts-firing-only", "fell", 3, []change{
		{"fsm/expire.go", "perhaps(e.Claim.Firing, e.Claim.Resolved)", "perhaps(e.Claim.Firing, nil)"},
	}},
	{"release-believes-nothing-was-sent", "no-answer", 3, []change{
		{"fsm/release.go", "		toldOf(&e).perhaps(e.Claim.Firing, e.Claim.Resolved).putInto(&e)\n", ""},
	}},
	{"settle-forgets-what-was-told-before", "silence", 3, []change{
		{"fsm/told.go", "		maybe:    t.must.Union(t.maybe).Minus(firing).Minus(resolved),\n", ""},
	}},
	{"settle-looks-at-the-clock", "delay,clock", 3, []change{
		{"fsm/settle.go", "import (\n", "import (\n	\"time\"\n"},
		{"fsm/settle.go", "after.stamp, after.data = stamp, s.Data", "after.stamp, after.data = model.Millis(time.Now().UnixMilli()), s.Data"},
	}},
	{"merge-last-writer-wins", "schism", 3, []change{
		{"fsm/merge.go", "	join(linesOf(e.Strands)).putInto(&e)\n", "	join(linesOf(e.Strands[len(e.Strands)-1:])).putInto(&e)\n"},
	}},
	{"overlay-is-not-kept", "all-alone,cut,cut-leader", 3, []change{
		{"cluster/overlay.go", "	if err := n.overlays.remember(o, o.Delivery.Outcome == 0); err != nil {\n		return err\n	}\n	return n.overlays.file.keep(o)\n", "	return nil\n"},
		{"cluster/overlay.go", "	if !n.overlays.sent(o) {\n", "	if false {\n"},
	}},
	{"lease-never-ends", "crash,late,kill-all", 3, []change{
		{"cluster/lessor.go", "		if left := x.ends.Sub(now); left > 0 {\n", "		if left := x.ends.Sub(now) + time.Hour; left > 0 {\n"},
	}},
	{"everyone-is-first", "split", 4, []change{
		{"cluster/rank.go", "	own := weight(n.id, key)\n", "	if len(c.senders) > 0 {\n		return 0, len(c.senders)\n	}\n	own := weight(n.id, key)\n"},
	}},
	{"no-hold-in-a-cut", "all-alone,cut,split", 3, []change{
		{"dispatcher/cut.go", "func (c *cut) hold(q model.Quorum) time.Duration {\n", "func (c *cut) hold(q model.Quorum) time.Duration {\n	if q.Voters > 0 {\n		return 0\n	}\n"},
	}},
	{"lonely-node-calls-silence-an-end", "hermit", 3, []change{
		{"dispatcher/step.go", "	s.unsure = core.hearing.unsure(m, now)\n", "	s.unsure = false\n"},
		{"dispatcher/hearing.go", "	if !m.lonely {\n		return wall\n	}\n", "	if m.lonely || !m.lonely {\n		return wall\n	}\n"},
	}},
	{"no-second-look-at-silences", "hush,delay", 3, []change{
		{"dispatcher/view.go", "		case m.judge(a) != mutedNot:\n			if asFiring", "		case m.judge(a) > 200:\n			if asFiring"},
	}},
	{"acknowledged-before-it-is-here", "silence,delay", 3, []change{
		{"cluster/propose.go", "	if err := n.opts.Machine.WaitApplied(ctx, r.index); err != nil {\n		return r.results, fmt.Errorf(\"%w: entry %d: %w\", ErrBehind, r.index, err)\n	}\n	return r.results, nil\n", "	return r.results, nil\n"},
	}},
	{"alerts-are-not-exchanged", "reach", 3, []change{
		{"cmd/tocsin/app/exchange.go", "merge: n.dispatch.Merge", "merge: func([]alert.Alert) alert.PutResult { return alert.PutResult{} }"},
		{"cmd/tocsin/app/exchange.go", "import (\n", "import (\n	\"tocsin/dispatcher/alert\"\n"},
	}},
}

func mutantOf(name string) (mutant, bool) {
	for _, m := range mutants {
		if m.name == name {
			return m, true
		}
	}
	return mutant{}, false
}
