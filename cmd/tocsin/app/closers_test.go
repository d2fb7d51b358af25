package app

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestClosersRunLastInFirstOut(t *testing.T) {
	var c closers
	var order []string
	for _, name := range []string{"first", "second", "third"} {
		c.push(name, time.Second, func(context.Context) error {
			order = append(order, name)
			if name == "second" {
				return errors.New("stuck drawer")
			}
			return nil
		})
	}
	err := c.closeAll(t.Context())
	if want := []string{"third", "second", "first"}; !slices.Equal(order, want) {
		t.Errorf("closed in order %v, want %v", order, want)
	}
	if err == nil || err.Error() != "close second: stuck drawer" {
		t.Errorf("closeAll said %v", err)
	}
	if err := c.closeAll(t.Context()); err != nil || len(order) != 3 {
		t.Errorf("a second closeAll closed again: %v, %v", order, err)
	}
}

func TestClosersLeaveBehindWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c closers
		free := make(chan struct{})
		closed := false
		c.push("below", time.Second, func(context.Context) error { closed = true; return nil })
		c.push("hung", 2*time.Second, func(context.Context) error { <-free; return nil })
		start := time.Now()
		err := c.closeAll(t.Context())
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("waited %s for a hung closer", took)
		}
		if err == nil || !closed {
			t.Errorf("err = %v, what lies below was closed: %v", err, closed)
		}
		close(free)
	})
}
