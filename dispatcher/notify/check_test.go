package notify_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/dispatcher/config"
)

var errLate = errors.New("too late")

// TestCheckIsAskedLast: what is asked before a request is written is asked once
// the connection is there, so nothing that took until then goes unnoticed.
func TestCheckIsAskedLast(t *testing.T) {
	connected := false
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	s := &httptest.Server{Listener: l, Config: &http.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Method }),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connected = true
			}
		},
	}}
	s.Start()
	defer s.Close()
	i := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{})[0]
	for _, fails := range []bool{true, false} {
		asked := 0
		m := message()
		m.Check = func() error {
			if asked++; asked == 1 {
				return nil // before anything is done at all
			}
			for limit := time.Now().Add(10 * time.Second); !connected && time.Now().Before(limit); {
				time.Sleep(time.Millisecond)
			}
			if !connected {
				t.Error("it is asked before there is a connection")
			}
			if fails {
				return errLate
			}
			return nil
		}
		r := i.Send(t.Context(), m)
		if asked != 2 || (r.Err != nil) != fails || r.Unsent != fails {
			t.Errorf("asked %d times, the result is %+v", asked, r)
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
