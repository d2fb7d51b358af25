package notify

import "time"

// The back-off between tries, as Alertmanager's.
const (
	backoffFirst  = 500 * time.Millisecond
	backoffCap    = time.Minute
	backoffFactor = 1.5
	backoffJitter = 0.5
)

// Backoff is how long to wait after the given number of failed tries, from 1:
// half a second, growing by half each time to at most a minute, and then taken
// anywhere between half and one and a half of it. chance is a number in [0, 1),
// from the caller, so that the rule itself has no chance in it. Fewer than one
// failed try needs no wait.
func Backoff(failed int, chance float64) time.Duration {
	if failed < 1 {
		return 0
	}
	wait := float64(backoffFirst)
	for range min(failed-1, 64) {
		wait = min(wait*backoffFactor, float64(backoffCap))
	}
	return time.Duration(wait * (1 - backoffJitter + 2*backoffJitter*chance))
}
