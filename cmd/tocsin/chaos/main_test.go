package chaos_test

import (
	"os"
	"testing"

	"tocsin/cmd/tocsin/acceptance/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Apart(m.Run)) }
