//go:build !linux

package clock

import "time"

var started = time.Now()

// SinceBoot is the time since the process was started. It may not count what the
// machine slept.
func SinceBoot() time.Duration { return time.Since(started) }
