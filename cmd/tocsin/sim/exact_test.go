//go:build exact

package sim_test

import _ "unsafe" // for go:linkname

// exact: this binary was made by cmd/tocsin/sim/build, and a seed gives the
// same run every time.
const exact = true

//go:linkname seedRuntime runtime.simSeed
func seedRuntime(seed uint64)
