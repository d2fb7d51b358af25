package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"reflect"
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
	// check allows a request to be written; nil allows all. watched: it is
	// asked for all that the integration sends.
	check   func() error
	watched bool
	giveUp  context.CancelCauseFunc
	// connect bounds the time to get a connection for a request, and for each
	// that the transport repeats by itself; 0 is no bound.
	connect time.Duration

	mu sync.Mutex // guards what follows
	// connecting ends the try when the time for a connection is over; nil while
	// none is looked for.
	connecting *time.Timer
	// unreached: that is what ended it.
	unreached bool
	// wrote is when the last request was written, by this process; sentAt when
	// the last byte of an answered one left, as far as is known.
	wrote, sentAt time.Time
	// written: something of the message has left, or may have.
	written bool
	refusal error
	// conn is the connection of a request that is not answered yet.
	conn       *net.TCPConn
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
	x.sent(now)
	x.linger(nil)
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

// mayWrite is asked before something of the message leaves. After an error
// nothing may.
func (x *exchange) mayWrite() error {
	if x == nil {
		return nil
	}
	var err error
	if x.check != nil {
		err = x.check()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refusal != nil {
		return x.refusal
	}
	if err != nil {
		x.refusal = fmt.Errorf("not sent: %w", err)
		return x.refusal
	}
	x.written = true
	if x.connecting != nil {
		x.connecting.Stop()
		x.connecting = nil
	}
	return nil
}

// refused is why something was not written; nil if nothing was kept back.
func (x *exchange) refused() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.refusal
}

// unsent reports whether certainly nothing has left.
func (x *exchange) unsent() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.watched && !x.written
}

// outOfReach reports whether the try ended for want of a connection.
func (x *exchange) outOfReach() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.unreached
}

// left is when the last byte left; now if nobody knows.
func (x *exchange) left() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sentAt.IsZero() {
		return time.Now()
	}
	return x.sentAt
}

// guard has the exchange asked for req when there is a connection for it, which is
// right before it is written. One that may not be written is given up together
// with its connection: nothing else keeps the transport from writing its head.
func (x *exchange) guard(req *http.Request) *http.Request {
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GetConn:      func(string) { x.connects() },
		WroteRequest: func(httptrace.WroteRequestInfo) { x.wroteRequest() },
		GotConn: func(got httptrace.GotConnInfo) {
			err := x.mayWrite()
			if err == nil {
				x.mu.Lock()
				x.linger(tcpOf(got.Conn))
				x.mu.Unlock()
				return
			}
			x.giveUp(err)
			// A connection of HTTP/2 has other messages on it, and heeds the
			// context before it writes.
			if c, ok := got.Conn.(*tls.Conn); !ok || c.ConnectionState().NegotiatedProtocol != "h2" {
				_ = got.Conn.Close() // the error that matters is err
			}
		},
	}))
}

// connects bounds the search for a connection. It may be not the first one of a
// request: the transport sends again by itself what it wrote into a kept
// connection that turned out to be dead.
func (x *exchange) connects() {
	if x.connect <= 0 || !x.watched {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.connecting != nil {
		x.connecting.Stop()
	}
	x.connecting = time.AfterFunc(x.connect, x.giveUpConnecting)
}

func (x *exchange) connected() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.connecting != nil {
		x.connecting.Stop()
		x.connecting = nil
	}
}

// giveUpConnecting ends a try for which there is no connection. If nothing of it
// was written before, nothing may be any more.
func (x *exchange) giveUpConnecting() {
	x.mu.Lock()
	if x.refusal != nil || x.connecting == nil {
		x.mu.Unlock()
		return
	}
	x.unreached = true
	if !x.written {
		x.refusal = errNoConnection
	}
	x.mu.Unlock()
	x.giveUp(errNoConnection)
}

// wroteRequest takes down that all of a request was written.
func (x *exchange) wroteRequest() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wrote = time.Now()
}

// sent takes down, when an answer has come, when the last byte of its request
// left. The kernel knows, also where this process stood still in between. x.mu is
// held.
func (x *exchange) sent(now time.Time) {
	at := x.wrote
	if age, ok := sinceSent(x.conn); ok {
		at = now.Add(-age)
	}
	if at.IsZero() {
		at = now
	}
	if at.After(x.sentAt) {
		x.sentAt = at
	}
}

// errNoConnection is why a try ended before anything was written.
var errNoConnection = errors.New("no connection to the receiver in time")

// linger has the connection of a request, nil for none, dropped with all that is
// in it if it is closed before the answer. Otherwise the kernel would go on
// trying for minutes to deliver what has been given up, and the receiver get it
// when somebody else has told it something newer. x.mu is held.
func (x *exchange) linger(c *net.TCPConn) {
	const drop, deliver = 0, -1
	if x.conn != nil && x.conn != c {
		_ = x.conn.SetLinger(deliver) // one that is closed needs none
	}
	if x.conn = c; c != nil {
		hasten(c)
		_ = c.SetLinger(drop)
	}
}

// tcpOf is what is below a connection that one request has for itself; nil if
// there is no such thing. The library that makes the clients wraps connections to
// count them, in a type that it does not export.
func tcpOf(c net.Conn) *net.TCPConn {
	for range 4 {
		switch t := c.(type) {
		case *net.TCPConn:
			return t
		case *tls.Conn:
			if t.ConnectionState().NegotiatedProtocol == "h2" {
				return nil
			}
			c = t.NetConn()
		default:
			v := reflect.Indirect(reflect.ValueOf(c))
			if v.Kind() != reflect.Struct {
				return nil
			}
			f := v.FieldByName("Conn")
			if !f.IsValid() || !f.CanInterface() {
				return nil
			}
			c, _ = f.Interface().(net.Conn)
		}
	}
	return nil
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
