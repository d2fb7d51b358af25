package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// SinceBoot is the time since the machine was started, what it slept included:
// a clock that nobody sets.
func SinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("BUG: this kernel has no CLOCK_BOOTTIME: " + err.Error())
	}
	return time.Duration(ts.Nano())
}
