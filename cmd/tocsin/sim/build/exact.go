package main

// exact makes a bubble of virtual time repeatable, as long as the process has one
// P and collects no garbage: what the runtime draws by chance (select, maps,
// timers of the same moment, math/rand) comes from a seed, no thread watches how
// long a goroutine runs, so that none is preempted, and neither real time nor the
// addresses of things have a part in who runs next.
var exact = []change{
	{"go/runtime/rand.go", "	mp := getg().m\n	c := &mp.chacha8\n", "	if simState != 0 {\n		return simNext()\n	}\n	mp := getg().m\n	c := &mp.chacha8\n"},
	// The rest of what the runtime draws (which locks are profiled, what is
	// sampled) depends on other threads, and has no part in what happens.
	{"go/runtime/select.go", "j := cheaprandn(uint32(norder + 1))", "j := simRandn(uint32(norder + 1))"},
	{"go/runtime/time.go", "t.rand = cheaprand()", "t.rand = simRandn(1 << 31)"},
	{"go/runtime/rand.go", "	globalRand.state.Init(*seed)\n", "	*seed = [32]byte{1}\n	globalRand.state.Init(*seed)\n"},
	{"go/runtime/rand.go", "var readRandomFailed bool\n", simSource + "var readRandomFailed bool\n"},
	// The timers of a select begin in an order that is not that of addresses.
	{"go/runtime/select.go", "\n		if c.timer != nil {\n			blockTimerChan(c)\n		}\n	}\n", "	}\n	for _, casei := range pollorder {\n		if c := scases[casei].c; c.timer != nil {\n			blockTimerChan(c)\n		}\n	}\n"},
	// A mutex is handed to who has waited for a millisecond: of real time.
	{"go/runtime/sema.go", "func internal_sync_nanotime() int64 {\n	return nanotime()\n", "func internal_sync_nanotime() int64 {\n	return 1\n"},
	{"go/runtime/proc.go", "const haveSysmon = GOARCH != \"wasm\"", "const haveSysmon = false"},
	// Children are told in the order in which they came, not in that of a map of
	// addresses.
	{"go/context/context.go", "	children map[canceler]struct{} // set to nil by the first cancel call\n", "	children map[canceler]uint64 // set to nil by the first cancel call\n	births   uint64\n"},
	{"go/context/context.go", "				p.children = make(map[canceler]struct{})\n", "				p.children = make(map[canceler]uint64)\n"},
	{"go/context/context.go", "			p.children[child] = struct{}{}\n", "			p.births++\n			p.children[child] = p.births\n"},
	{"go/context/context.go", "	for child := range c.children {\n", "	for _, child := range simOrdered(c.children) {\n"},
	{"go/context/context.go", "// A cancelCtx can be canceled.", orderedSource + "// A cancelCtx can be canceled."},
	// What follows changes nothing but how long a run takes. Nothing is freed, so
	// the heap grows all the time: it is given its pages (23 is
	// MADV_POPULATE_WRITE) before it faults for each. Alertmanager's own templates
	// are parsed once, not for each look at a configuration.
	{"go/runtime/mheap.go", "	sysMap(unsafe.Pointer(v), nBase-v, &gcController.heapReleased, \"heap\")\n", "	sysMap(unsafe.Pointer(v), nBase-v, &gcController.heapReleased, \"heap\")\n	madvise(unsafe.Pointer(v), nBase-v, 23)\n"},
	{"go/runtime/stack.go", "var startingStackSize uint32 = fixedStack\n", "var startingStackSize uint32 = 2 * fixedStack\n"},
	{"go/text/template/parse/parse.go", "	treeSet := make(map[string]*Tree)\n	t := New(name)\n	t.text = text\n	_, err := t.Parse(text, leftDelim, rightDelim, treeSet, funcs...)\n	return treeSet, err\n", parseOnce},
	{"go/text/template/parse/parse.go", "// Parse returns a map from template name to [Tree],", parsedSource + "// Parse returns a map from template name to [Tree],"},
	// A third of the time of a run went into these two.
	{"cluster/engine.go", "	commitTimeout = 20 * time.Millisecond\n", "	commitTimeout = 100 * time.Millisecond\n"},
	{"cluster/gossip/gossip.go", "	cfg := memberlist.DefaultLANConfig()\n", "	cfg := memberlist.DefaultLANConfig()\n	cfg.EnableCompression = false\n"},
}

// orderedSource are the children of a context by age.
const orderedSource = `
func simOrdered(children map[canceler]uint64) []canceler {
	if len(children) == 0 {
		return nil
	}
	list := make([]canceler, 0, len(children))
	for child, birth := range children {
		list = append(list, child)
		for i := len(list) - 1; i > 0 && children[list[i-1]] > birth; i-- {
			list[i], list[i-1] = list[i-1], list[i]
		}
	}
	return list
}

`

// parsedSource and parseOnce keep what has been parsed of long texts, by name.
const (
	parsedSource = `
var simParsed = make(map[string]map[string]*Tree)

`
	parseOnce = `	treeSet := make(map[string]*Tree)
	before := simParsed[name+"\x00"+text]
	for name, tree := range before {
		treeSet[name] = tree.Copy()
		treeSet[name].Mode = tree.Mode
	}
	if before != nil {
		return treeSet, nil
	}
	t := New(name)
	t.text = text
	_, err := t.Parse(text, leftDelim, rightDelim, treeSet, funcs...)
	if err == nil && len(text) > 2000 {
		kept := make(map[string]*Tree)
		for name, tree := range treeSet {
			kept[name] = tree.Copy()
			kept[name].Mode = tree.Mode
		}
		simParsed[name+"\x00"+text] = kept
	}
	return treeSet, err
`
)

// simSource is a sequence of numbers from a seed; 0 ends it.
const simSource = `
var simState uint64

//go:nosplit
func simNext() uint64 {
	simState += 0x9e3779b97f4a7c15
	z := simState
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// simRandn is less than n.
func simRandn(n uint32) uint32 {
	if simState == 0 {
		return cheaprandn(n)
	}
	return uint32(uint64(uint32(simNext())) * uint64(n) >> 32)
}

// simSeed begins a sequence.
//
//go:linkname simSeed
func simSeed(seed uint64) {
	simState = seed
	getg().m.p.ptr().schedtick = 0
}

`
