package chaos

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sink is a webhook receiver that keeps what it is told. Safe for concurrent use.
type Sink struct {
	zero time.Time
	srv  *http.Server
	over chan struct{} // closed when it is

	mu       sync.Mutex
	arrivals []Arrival
	answer   func(Arrival) Answer
}

// Arrival is one request that the sink got.
type Arrival struct {
	Telling
	// Code is what the sink answered; 0 if the sender went away first.
	Code int
	// Problem says why it is not a message.
	Problem string
}

// Answer is how the sink treats a request.
type Answer struct {
	// Code is the status; 0 is 200.
	Code int
	// After is how long the answer takes.
	After time.Duration
	// RetryAfter is the header of that name, if not empty.
	RetryAfter string
}

// newSink serves on a listener, which it closes in the end.
func newSink(l net.Listener) *Sink {
	s := &Sink{over: make(chan struct{})}
	s.srv = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	go func() { _ = s.srv.Serve(l) }() // it ends when it is closed
	return s
}

func (s *Sink) close() {
	close(s.over)
	_ = s.srv.Close() // nobody waits for an answer any more
}

// Answer sets how requests are treated from now on; nil takes all. It is called
// for one request at a time, before the request is answered.
func (s *Sink) Answer(f func(Arrival) Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// begin is when the time line starts. Requests before that have times below
// zero.
func (s *Sink) begin(zero time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zero = zero
}

// ServeHTTP takes a message.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return // cut on the way
	}
	i, ans := s.note(now, r, body)
	if ans.After > 0 {
		select {
		case <-time.After(ans.After):
		case <-r.Context().Done():
			return
		case <-s.over:
			return
		}
	}
	if ans.Code == 0 {
		ans.Code = http.StatusOK
	}
	if ans.RetryAfter != "" {
		w.Header().Set("Retry-After", ans.RetryAfter)
	}
	s.mu.Lock()
	s.arrivals[i].Code = ans.Code
	s.mu.Unlock()
	w.WriteHeader(ans.Code)
}

// note keeps a request and decides its answer.
func (s *Sink) note(now time.Time, r *http.Request, body []byte) (int, Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var a Arrival
	t, err := parseTelling(body)
	if err != nil {
		a.Problem = err.Error()
	}
	a.Telling = t
	a.Receiver = strings.Trim(r.URL.Path, "/")
	a.At = now.Sub(s.zero).Seconds()
	a.ID = r.Header.Get("Idempotency-Key")
	s.arrivals = append(s.arrivals, a)
	if s.answer == nil {
		return len(s.arrivals) - 1, Answer{}
	}
	return len(s.arrivals) - 1, s.answer(a)
}

// Arrivals are all requests so far.
func (s *Sink) Arrivals() []Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.arrivals)
}

// Told are the requests that were answered with 2xx.
func (s *Sink) Told() []Telling {
	var out []Telling
	for _, a := range s.Arrivals() {
		if a.Code/100 == 2 && a.Problem == "" {
			out = append(out, a.Telling)
		}
	}
	return out
}

// parseTelling reads a webhook's body.
func parseTelling(body []byte) (Telling, error) {
	var m struct {
		GroupLabels map[string]string `json:"groupLabels"`
		ExternalURL string            `json:"externalURL"`
		Alerts      []struct {
			Status string            `json:"status"`
			Labels map[string]string `json:"labels"`
		} `json:"alerts"`
	}
	var t Telling
	if err := json.Unmarshal(body, &m); err != nil {
		return t, err
	}
	t.Group = m.GroupLabels["alertname"]
	if t.Group == "" || len(m.Alerts) == 0 {
		return t, errors.New("a message without a group or without alerts")
	}
	if u, err := url.Parse(m.ExternalURL); err == nil {
		t.Node = strings.TrimSuffix(u.Hostname(), ".test")
	}
	for _, a := range m.Alerts {
		if a.Status == "firing" {
			t.Firing = append(t.Firing, a.Labels["instance"])
		} else {
			t.Resolved = append(t.Resolved, a.Labels["instance"])
		}
	}
	return t, nil
}
