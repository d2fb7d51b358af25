//go:build !steps

package sim_test

func writeSteps() {}

func stepFlags(int) []string { return nil }
