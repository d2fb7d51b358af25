//go:build !amd64

package fault

import "time"

// machineCode: there is none for this processor.
var machineCode func(offset time.Duration) []byte
