package cluster

// turn is held by one at a time, like a mutex, and over waits for the cluster,
// which a mutex must not be where time is simulated: whoever waits for a mutex
// holds the clock.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// Lock waits for the turn.
func (t turn) Lock() { t <- struct{}{} }

// Unlock passes it on.
func (t turn) Unlock() { <-t }
