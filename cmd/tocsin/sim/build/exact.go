package main

// exact makes a bubble of virtual time repeatable, as long as the process has one
// P: all that the runtime draws by chance (select, maps, timers of the same
// moment) comes from a seed, and no thread watches how long a goroutine runs, so
// that none is preempted.
var exact = []change{
	{"go/runtime/rand.go", "	mp := getg().m\n	c := &mp.chacha8\n", "	if simState != 0 {\n		return simNext()\n	}\n	mp := getg().m\n	c := &mp.chacha8\n"},
	{"go/runtime/rand.go", "	mp := getg().m\n	// Implement wyrand", "	if simState != 0 {\n		return uint32(simNext() >> 32)\n	}\n	mp := getg().m\n	// Implement wyrand"},
	{"go/runtime/rand.go", "	globalRand.state.Init(*seed)\n", "	*seed = [32]byte{1}\n	globalRand.state.Init(*seed)\n"},
	{"go/runtime/rand.go", "var readRandomFailed bool\n", simSource + "var readRandomFailed bool\n"},
	{"go/runtime/proc.go", "const haveSysmon = GOARCH != \"wasm\"", "const haveSysmon = false"},
	// A third of the time of a run went into these two.
	{"cluster/engine.go", "	commitTimeout = 20 * time.Millisecond\n", "	commitTimeout = 100 * time.Millisecond\n"},
	{"cluster/gossip/gossip.go", "	cfg := memberlist.DefaultLANConfig()\n", "	cfg := memberlist.DefaultLANConfig()\n	cfg.EnableCompression = false\n"},
}

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

// simSeed begins a sequence.
//
//go:linkname simSeed
func simSeed(seed uint64) {
	simState = seed
	getg().m.p.ptr().schedtick = 0
}

`
