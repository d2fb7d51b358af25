package dispatcher

import (
	"crypto/rand"
	"sync"
	"time"

	"tocsin/fsm/model"
)

// tokens are the claims that this process proposed and got no answer to: if one
// is granted late, it is given back.
type tokens struct {
	mu     sync.Mutex
	strays map[model.Token]time.Time
}

// strayKept is how long a claim may take to surface.
const strayKept = 10 * time.Minute

func newTokens() *tokens { return &tokens{strays: make(map[model.Token]time.Time)} }

// newToken is 16 random bytes.
func newToken() model.Token {
	var t model.Token
	// It never fails: the runtime ends the process if there is no randomness.
	_, _ = rand.Read(t[:])
	return t
}

// strand remembers a claim that nobody waits for any more. Nothing was sent on
// it.
func (t *tokens) strand(token model.Token) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for old, at := range t.strays {
		if now.Sub(at) > strayKept {
			delete(t.strays, old)
		}
	}
	t.strays[token] = now
}

// stray reports whether the claim was stranded by this process.
func (t *tokens) stray(token model.Token) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.strays[token]
	return ok
}

// forget is for a stray that is over.
func (t *tokens) forget(token model.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.strays, token)
}
