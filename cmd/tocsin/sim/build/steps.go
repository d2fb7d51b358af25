package main

// steps makes the runtime keep what it ran and what it drew, so that -sim.steps
// can write it: the first line in which two runs of a seed differ is where they
// parted.
var steps = []change{
	{"go/runtime/rand.go", "	simState += 0x9e3779b97f4a7c15\n", "	simState += 0x9e3779b97f4a7c15\n	simKeep(1, simState)\n"},
	{"go/runtime/rand.go", "var simState uint64\n", stepsSource + "var simState uint64\n"},
	{"go/runtime/proc.go", "	// Check whether the profiler needs to be turned on or off.\n	hz := sched.profilehz\n", "	if simState != 0 {\n		simKeep(0, gp.goid)\n	}\n	hz := sched.profilehz\n"},
}

const stepsSource = `
var simSteps [1 << 21][10]uint64
var simStepCount int

//go:nosplit
func simKeep(kind, a uint64) {
	if simStepCount >= len(simSteps) {
		return
	}
	x := &simSteps[simStepCount]
	simStepCount++
	x[0], x[1] = kind, a
	gp := getg().m.curg
	if kind == 0 || gp == nil || getg() != gp {
		return
	}
	fp := getfp()
	for i := 2; i < len(x) && fp >= gp.stack.lo && fp < gp.stack.hi-16; i++ {
		x[i] = uint64(*(*uintptr)(unsafe.Pointer(fp + 8)))
		fp = *(*uintptr)(unsafe.Pointer(fp))
	}
}

//go:linkname simStep
func simStep(i int) ([10]uint64, bool) {
	if i >= simStepCount {
		return [10]uint64{}, false
	}
	return simSteps[i], true
}

`
