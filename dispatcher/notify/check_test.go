package notify_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	commoncfg "github.com/prometheus/common/config"

	"tocsin/dispatcher/config"
)

var errLate = errors.New("too late")

// TestCheckIsAskedLast: what is asked before a request is written is asked once
// the connection is there, so nothing that took until then goes unnoticed.
func TestCheckIsAskedLast(t *testing.T) {
	var connected atomic.Bool
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	s := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Method }),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connected.Store(true)
			}
		},
	}}
	s.Start()
	defer s.Close()
	i := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{})[0]
	for _, fails := range []bool{true, false} {
		var asked atomic.Int32
		m := message()
		m.Check = func() error {
			if asked.Add(1) == 1 {
				return nil // before anything is done at all
			}
			for limit := time.Now().Add(10 * time.Second); !connected.Load() && time.Now().Before(limit); {
				time.Sleep(time.Millisecond)
			}
			if !connected.Load() {
				t.Error("it is asked before there is a connection")
			}
			if fails {
				return errLate
			}
			return nil
		}
		r := i.Send(t.Context(), m)
		if asked.Load() != 2 || (r.Err != nil) != fails || r.Unsent != fails {
			t.Errorf("asked %d times, the result is %+v", asked.Load(), r)
		}
	}
	s.Close()
	close(got)
	if n := len(got); n != 1 {
		t.Errorf("%d requests arrived, want the one that was let go", n)
	}
}

// TestUnsent: a receiver that nobody listens for has certainly not got it; one
// that hangs up over it may have.
func TestUnsent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 1)
			_, _ = c.Read(b)
			_ = c.Close()
		}
	}()
	i := build(t, webhookYAML("{url: '"+url+"'}"), config.Options{})[0]
	if r := i.Send(t.Context(), message()); r.Err == nil || r.Unsent {
		t.Errorf("after it hung up: %+v", r)
	}
	l.Close()
	if r := i.Send(t.Context(), message()); r.Err == nil || !r.Unsent || !r.Retryable {
		t.Errorf("where nobody listens: %+v", r)
	}
	m := message()
	m.Check = func() error { return errLate }
	if r := i.Send(t.Context(), m); r.Err == nil || !r.Unsent {
		t.Errorf("where it is not let go: %+v", r)
	}
}

// TestMailIsCheckedBeforeItsEnd: the server takes a mail with its last line, so
// a check that fails just before leaves it without one.
func TestMailIsCheckedBeforeItsEnd(t *testing.T) {
	s := newMailServer(t)
	i := build(t, mailConfig(s, "{to: a@example.com}"), config.Options{})[0]
	m := message()
	asked := 0
	m.Check = func() error {
		if asked++; asked == 2 {
			return errLate
		}
		return nil
	}
	if r := i.Send(t.Context(), m); r.Err == nil || !r.Unsent || !r.Retryable {
		t.Errorf("the result is %+v", r)
	}
	m.Check = nil
	if r := i.Send(t.Context(), m); r.Err != nil {
		t.Error(r.Err)
	}
	if got := s.count(); got != 1 {
		t.Errorf("%d letters arrived, want the one that was let go", got)
	}
}

// TestCheckOverHTTP2: a message that may not go leaves the connection that
// others share.
func TestCheckOverHTTP2(t *testing.T) {
	var got atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("spoken is %s", r.Proto)
		}
		got.Add(1)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	i := build(t, webhookYAML("{url: '"+s.URL+"', http_config: {tls_config: {insecure_skip_verify: true}}}"), config.Options{})[0]
	for n := range 3 {
		m := message()
		asked := 0
		m.Check = func() error {
			if asked++; asked == 2 && n == 1 {
				return errLate
			}
			return nil
		}
		if r := i.Send(t.Context(), m); (r.Err != nil) != (n == 1) || r.Unsent != (n == 1) {
			t.Errorf("message %d: %+v", n, r)
		}
	}
	if got.Load() != 2 {
		t.Errorf("%d requests arrived, want two", got.Load())
	}
}

// TestConnectIsBounded: where no connection comes about, or a mail server does not
// get to the message, somebody else should try; and nothing was sent.
func TestConnectIsBounded(t *testing.T) {
	const bound = 50 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// TLS never gets its first answer.
	i := build(t, webhookYAML("{url: 'https://"+l.Addr().String()+"'}"), config.Options{})[0]
	m := message()
	m.Connect = bound
	began := time.Now()
	if r := i.Send(t.Context(), m); r.Err == nil || !r.Unsent || !r.Retryable || time.Since(began) < bound || time.Since(began) > 10*time.Second {
		t.Errorf("after %v: %+v", time.Since(began), r)
	}
	for _, silentAt := range []string{"greeting", "DATA", "."} {
		mail := fmt.Sprintf(`
global: {smtp_smarthost: '%s', smtp_from: a@example.com, smtp_require_tls: false}
route: {receiver: r}
receivers: [{name: r, email_configs: [{to: b@example.com}]}]
`, newSilentServer(t, silentAt))
		ctx, cancel := context.WithTimeout(t.Context(), 20*bound)
		r := build(t, mail, config.Options{})[0].Send(ctx, m)
		cancel()
		// Once the last line is out it may have been taken, so its answer is
		// waited for.
		if got := silentAt == "."; r.Err == nil || r.Unsent == got || errors.Is(r.Err, context.DeadlineExceeded) != got {
			t.Errorf("silent at %s: %+v", silentAt, r)
		}
	}
}

// TestGivenUpIsDropped: what is given up unanswered leaves the kernel too, or it
// would be delivered when something newer has been told.
func TestGivenUpIsDropped(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	i := build(t, webhookYAML("{url: 'http://"+l.Addr().String()+"'}"), config.Options{})[0]
	ended := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			ended <- err
			return
		}
		_, err = io.Copy(io.Discard, c)
		_ = c.Close()
		ended <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if r := i.Send(ctx, message()); r.Err == nil || r.Unsent {
		t.Errorf("%+v", r)
	}
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v, want a reset", err)
	}
}

// TestConnectAgainIsBounded: the transport sends by itself once more what it wrote
// into a kept connection that was dead. The connection for that must come in time
// too.
func TestConnectAgainIsBounded(t *testing.T) {
	const bound = 50 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for r := bufio.NewReader(c); ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if req.Header.Get("Idempotency-Key") != "first" {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	}()
	var dials atomic.Int32
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			<-t.Context().Done()
			return nil, t.Context().Err()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	i := build(t, webhookYAML("{url: 'http://"+l.Addr().String()+"'}"), config.Options{HTTP: []commoncfg.HTTPClientOption{commoncfg.WithDialContextFunc(dial)}})[0]
	m := message()
	m.Connect, m.DeliveryID = bound, "first"
	if r := i.Send(t.Context(), m); r.Err != nil {
		t.Fatal(r.Err)
	}
	m.DeliveryID = "second"
	began := time.Now()
	r := i.Send(t.Context(), m)
	if r.Err == nil || r.Unsent || !r.Unreached || !r.Retryable || dials.Load() != 2 {
		t.Errorf("%+v after %d dials", r, dials.Load())
	}
	if took := time.Since(began); took < bound || took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestSentAt: when a message left is not when its answer came, nor when that was
// read.
func TestSentAt(t *testing.T) {
	const slow = 300 * time.Millisecond
	var at time.Time
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		at = time.Now()
		time.Sleep(slow)
	}))
	defer s.Close()
	i := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{})[0]
	r := i.Send(t.Context(), message())
	if r.Err != nil || r.SentAt.IsZero() || r.SentAt.After(at.Add(slow/2)) {
		t.Errorf("it was there at %v, and left at %v: %v", at, r.SentAt, r.Err)
	}
}
