package load

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// Sink is a webhook receiver that notes when the group of each id was first
// told of. It is safe for concurrent use. The caller must call Close.
type Sink struct {
	// URL is where it listens.
	URL    string
	server *http.Server
	done   chan struct{}

	mu      sync.Mutex
	first   map[string]time.Time
	repeats int
	changed chan struct{}
}

// NewSink listens on a free loopback port.
func NewSink() (*Sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	s := &Sink{
		URL: "http://" + l.Addr().String() + "/", done: make(chan struct{}),
		first: make(map[string]time.Time), changed: make(chan struct{}, 1),
	}
	s.server = &http.Server{Handler: http.HandlerFunc(s.take), ReadHeaderTimeout: requestTime}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l)
	}()
	return s, nil
}

// Close stops listening.
func (s *Sink) Close() {
	_ = s.server.Close()
	<-s.done
}

func (s *Sink) take(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	var message struct {
		GroupLabels struct {
			ID string `json:"id"`
		} `json:"groupLabels"`
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, told := s.first[message.GroupLabels.ID]; told {
		s.repeats++
		return
	}
	s.first[message.GroupLabels.ID] = at
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Await waits until n groups were told of, and returns when each first was.
func (s *Sink) Await(ctx context.Context, n int) (map[string]time.Time, error) {
	for {
		s.mu.Lock()
		got := len(s.first)
		s.mu.Unlock()
		if got >= n {
			break
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %d notifications, %d came: %w", n, got, ctx.Err())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.first), nil
}

// Repeats counts the notifications for groups that had been told of before.
func (s *Sink) Repeats() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repeats
}
