package cli

import (
	"fmt"
	"sync"
	"time"
)

// waitingSince is after how long a command says what it waits for, and how often
// it says so again.
const waitingSince = time.Second

// waiting says every second what is waited for, on the error stream, so that
// outputs for programs stay clean. It says nothing of what is done within the
// first second. The function that it returns ends it.
func (r *remote) waiting(what string) (done func()) {
	stop := make(chan struct{})
	var said sync.WaitGroup
	said.Go(func() {
		tick := time.NewTicker(waitingSince)
		defer tick.Stop()
		for seconds := 1; ; seconds++ {
			select {
			case <-stop:
				return
			case <-tick.C:
				fmt.Fprintf(r.Err, "%s (%d s)\n", what, seconds)
			}
		}
	})
	return func() {
		close(stop)
		said.Wait()
	}
}
