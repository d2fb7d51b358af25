package e2e_test

import (
	"os"
	"testing"

	"tocsin/cmd/tocsin/acceptance/rig"
)

func TestMain(m *testing.M) {
	os.Exit(rig.Apart(func() int { return rig.Main(m) }))
}
