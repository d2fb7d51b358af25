package notify

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// exchange is one try's HTTP traffic: what its requests carry, and what was
// answered. Safe for concurrent use.
type exchange struct {
	ctx      context.Context
	id       string
	degraded bool

	mu         sync.Mutex
	status     int
	retryAfter time.Duration
	bodies     []io.Closer
}

type exchangeKey struct{}

// with is ctx carrying x, so that the round tripper finds it.
func (x *exchange) with(ctx context.Context) context.Context {
	x.ctx = context.WithValue(ctx, exchangeKey{}, x)
	return x.ctx
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// note keeps what matters of an answer.
func (x *exchange) note(resp *http.Response, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status = resp.StatusCode
	x.retryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	x.bodies = append(x.bodies, resp.Body)
}

// answered is the last status, 0 if there was none, and how long the receiver
// asked to be left alone.
func (x *exchange) answered() (status int, after time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.status, x.retryAfter
}

// close closes all bodies. Some notifiers forget to, and a connection whose
// body is open is never used again nor given back. Closing twice is harmless.
func (x *exchange) close() error {
	x.mu.Lock()
	bodies := x.bodies
	x.bodies = nil
	x.mu.Unlock()
	var errs error
	for _, b := range bodies {
		errs = errors.Join(errs, b.Close())
	}
	return errs
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return bounded(seconds)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), MaxRetryAfter)
	}
	return 0
}

// bounded is a number of seconds as a wait. Some services say fractions; NaN is
// no wait.
func bounded(seconds float64) time.Duration {
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, MaxRetryAfter.Seconds()) * float64(time.Second))
}
