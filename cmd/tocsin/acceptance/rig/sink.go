package rig

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Sink is a webhook receiver that keeps what it is told. Safe for concurrent
// use.
type Sink struct {
	Name string
	// URL is where to tell it.
	URL string

	mu       sync.Mutex
	arrivals []Arrival
	answer   func(try int, m *Message) Answer
	over     chan struct{} // closed when the test ends
}

// Answer says how a sink treats a request.
type Answer struct {
	// Code is the status; 0 is 200.
	Code int
	// After is how long the answer takes.
	After  time.Duration
	Header http.Header
}

// Arrival is one request that a sink got.
type Arrival struct {
	// At is when it came in.
	At     time.Time
	Header http.Header
	// Message is its body; nil with Problem set when it is none.
	Message *Message
	Problem string
	// Code is what the sink answered; 0 if the sender went away first.
	Code int
}

// Accepted reports whether the sender was told that it arrived.
func (a Arrival) Accepted() bool { return a.Code/100 == 2 }

// Message is the body of a webhook, version 4.
type Message struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   uint64            `json:"truncatedAlerts"`
	Receiver          string            `json:"receiver"`
	Status            string            `json:"status"`
	Reason            string            `json:"notification_reason"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	ExternalURL       string            `json:"externalURL"`
	Alerts            []MessageAlert    `json:"alerts"`
}

// MessageAlert is an alert in a Message.
type MessageAlert struct {
	Status       string            `json:"status"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Fingerprint  string            `json:"fingerprint"`
}

// NewSink starts a sink on loopback.
func NewSink(t testing.TB, name string) *Sink {
	t.Helper()
	return NewSinkAt(t, name, "127.0.0.1:0")
}

// NewSinkAt starts a sink on an address.
func NewSinkAt(t testing.TB, name, addr string) *Sink {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("start sink %s: %v", name, err)
	}
	s := &Sink{Name: name, over: make(chan struct{})}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}}
	srv.Start()
	s.URL = "http://" + l.Addr().String() + "/" + name
	t.Cleanup(func() { close(s.over); srv.CloseClientConnections(); srv.Close() })
	return s
}

// Answer sets how requests are treated from now on. Try counts all requests of
// the sink from 1.
func (s *Sink) Answer(f func(try int, m *Message) Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Refuse makes the sink answer all requests with a code from now on; 0 makes it
// take them again.
func (s *Sink) Refuse(code int) {
	s.Answer(func(int, *Message) Answer { return Answer{Code: code} })
}

// ServeHTTP takes one notification.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := Arrival{At: time.Now(), Header: r.Header.Clone()}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	var m Message
	switch {
	case err != nil:
		a.Problem = err.Error()
	case r.Method != http.MethodPost:
		a.Problem = "the method is " + r.Method
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		a.Problem = "the content type is " + r.Header.Get("Content-Type")
	default:
		if err := json.Unmarshal(body, &m); err != nil {
			a.Problem = err.Error()
		} else {
			a.Message = &m
		}
	}
	i, ans := s.begin(a)
	select {
	case <-time.After(ans.After):
	case <-r.Context().Done():
		return
	case <-s.over:
		return
	}
	if ans.Code == 0 {
		ans.Code = http.StatusOK
	}
	for k, v := range ans.Header {
		w.Header()[k] = v
	}
	s.mu.Lock()
	s.arrivals[i].Code = ans.Code
	s.mu.Unlock()
	w.WriteHeader(ans.Code)
}

// begin keeps a request and decides its answer.
func (s *Sink) begin(a Arrival) (int, Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrivals = append(s.arrivals, a)
	if s.answer == nil {
		return len(s.arrivals) - 1, Answer{}
	}
	return len(s.arrivals) - 1, s.answer(len(s.arrivals), a.Message)
}

// Arrivals are all requests so far, in the order in which they came.
func (s *Sink) Arrivals() []Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.arrivals)
}

// Accepted are the requests that were answered with 2xx.
func (s *Sink) Accepted() []Arrival {
	return slices.DeleteFunc(s.Arrivals(), func(a Arrival) bool { return !a.Accepted() })
}

// Await waits until the sink has accepted n notifications.
func (s *Sink) Await(n int, limit time.Duration) bool {
	return Eventually(limit, 20*time.Millisecond, func() bool { return len(s.Accepted()) >= n })
}
