//go:build !exact

package sim_test

// exact: chance has a part in a run that no seed decides.
const exact = false

func seedRuntime(uint64) {}
