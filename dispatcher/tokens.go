package dispatcher

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"tocsin/fsm/model"
)

// tokens are the claims that this process proposed and got no answer to: if one
// is granted late, it is given back.
type tokens struct {
	mu     sync.Mutex
	strays map[model.Token]stray
}

// stray is a claim that nothing is sent on.
type stray struct {
	at time.Time
	// back: it was given back, though this node's own state may not show it.
	back bool
}

// strayKept is how long a claim may take to surface.
const strayKept = 10 * time.Minute

func newTokens() *tokens { return &tokens{strays: make(map[model.Token]stray)} }

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
	for old, s := range t.strays {
		if now.Sub(s.at) > strayKept {
			delete(t.strays, old)
		}
	}
	t.strays[token] = stray{at: now}
}

// stray reports whether the claim was stranded by this process and has to be
// given back.
func (t *tokens) stray(token model.Token) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.strays[token]
	return ok && !s.back
}

// unused reports whether the claim was stranded by this process, so that nothing
// is sent on it.
func (t *tokens) unused(token model.Token) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.strays[token]
	return ok
}

// back is for a stray that was given back.
func (t *tokens) back(token model.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.strays[token] = stray{at: time.Now(), back: true}
}

// abandon is for a claim that nobody waits for any more.
func (c *Dispatcher) abandon(key model.DeliveryKey, token model.Token) {
	c.tokens.strand(token)
	c.work.Go(func() { c.reclaim(key, token) })
}

// reclaimFor is how long a claim without an answer is looked out for: longer than
// most cuts last, because it keeps the others waiting from the moment on at which
// it surfaces. If that is later, the next look at its key gives it back.
const reclaimFor = strayKept

// reclaim gives a claim back as soon as it shows up, also where its delivery has
// nothing to tell any more and so does not look.
func (c *Dispatcher) reclaim(key model.DeliveryKey, token model.Token) {
	ctx, cancel := context.WithTimeout(c.life, reclaimFor)
	defer cancel()
	for ctx.Err() == nil && c.tokens.stray(token) {
		changed, unwatch := c.opts.Ledger.Watch(key)
		if e, ok := c.opts.Ledger.Entry(key); ok && e.Claim != nil && e.Claim.Token == token {
			unwatch()
			c.releaseStray(ctx, key, token)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
		unwatch()
	}
}

func (c *Dispatcher) releaseStray(ctx context.Context, key model.DeliveryKey, token model.Token) {
	try, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	err := c.opts.Ledger.Release(try, model.Release{Key: key, Token: token, Node: c.opts.Node})
	if err == nil || c.opts.Behind(err) {
		c.tokens.back(token)
		c.cut.answered()
		return
	}
	sleep(ctx, lookAgain)
}
