package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// closers is a last-in-first-out stack of what must be taken down. It is safe
// for use by several goroutines; each closer runs once.
type closers struct {
	mu    sync.Mutex
	stack []closer // guarded by mu
}

type closer struct {
	name string
	// within bounds how long it may take; it is told by its context, and left
	// behind a second after.
	within time.Duration
	close  func(context.Context) error
}

// closeGrace is what a closer that heeds its context gets to return.
const closeGrace = time.Second

// push puts a closer on the stack.
func (c *closers) push(name string, within time.Duration, close func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stack = append(c.stack, closer{name, within, close})
}

// closeAll empties the stack from the top. One closer's error or delay
// keeps none of the others from running.
func (c *closers) closeAll(ctx context.Context) error {
	var errs []error
	for {
		top, ok := c.pop()
		if !ok {
			return errors.Join(errs...)
		}
		if err := top.run(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", top.name, err))
		}
	}
}

func (c *closers) pop() (closer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.stack)
	if n == 0 {
		return closer{}, false
	}
	top := c.stack[n-1]
	c.stack = c.stack[:n-1]
	return top, true
}

func (c *closer) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.close(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case err := <-done:
		return err
	case <-grace.C:
		return fmt.Errorf("not done after %s: left behind", c.within+closeGrace)
	}
}
