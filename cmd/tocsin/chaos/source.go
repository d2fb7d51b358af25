package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// How a Prometheus with short intervals behaves, in seconds.
const (
	// resend is how often it repeats an alert.
	resend = 5.0
	// validity is how long after it was sent an alert is valid: four times the
	// larger of evaluation interval and resend delay.
	validity = 4 * resend
	// resolvedFor is how long an end is repeated.
	resolvedFor = 900.0
	// postLimit is how long it waits for an answer.
	postLimit = 10 * time.Second
	// queued is how many alerts wait for a node; the oldest are dropped.
	queued = 10000
	// together is how many alerts go into one request.
	together = 256
)

// Source sends alerts as Prometheus does: what fires or has ended, to every
// node, again and again; what cannot be sent is dropped.
type Source struct {
	alerts  []AlertStory
	zero    time.Time
	targets []*target
	sent    []sentState
}

// sentState is what was sent last of an alert.
type sentState struct {
	at           float64
	begun, ended int
}

// Post is one request of a source.
type Post struct {
	// At is when it was sent, in seconds from the start of the run.
	At float64
	// Node is who it was sent to.
	Node string
	Took time.Duration
	// Code is the answer; 0 if there was none.
	Code int
}

// target is a node, or a load balancer, as a source sees it.
type target struct {
	name, url string
	client    *http.Client
	wake      chan struct{} // has room for one: something waits

	mu    sync.Mutex
	queue []postable
	posts []Post
}

// newSource makes a source on a host. Targets are names and URLs.
func newSource(h *Host, alerts []AlertStory, zero time.Time, targets [][2]string) *Source {
	s := &Source{alerts: alerts, zero: zero, sent: make([]sentState, len(alerts))}
	for _, t := range targets {
		s.targets = append(s.targets, &target{
			name:   t[0],
			url:    t[1] + "/api/v2/alerts",
			client: &http.Client{Timeout: postLimit, Transport: &http.Transport{DialContext: h.Dial, MaxIdleConnsPerHost: 2}},
			wake:   make(chan struct{}, 1),
		})
	}
	return s
}

// run sends until the context ends.
func (s *Source) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, t := range s.targets {
		all.Go(func() { t.run(ctx, s.zero) })
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			all.Wait()
			return
		case <-tick.C:
			if alerts := s.due(time.Since(s.zero).Seconds()); alerts != nil {
				for _, t := range s.targets {
					t.push(alerts)
				}
			}
		}
	}
}

// postable is an alert as it is posted.
type postable struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

// due is what is to be sent now.
func (s *Source) due(now float64) []postable {
	var out []postable
	for i, a := range s.alerts {
		begun, ended := a.begun(now)
		last := &s.sent[i]
		fresh := begun != last.begun || ended != last.ended
		if begun == 0 || !fresh && now < last.at+resend {
			continue
		}
		span := a.Firing[begun-1]
		until := now + validity
		if ended == begun {
			if until = span.To; now > until+resolvedFor {
				continue
			}
		}
		*last = sentState{now, begun, ended}
		out = append(out, postable{
			Labels:       map[string]string{"alertname": a.Group, "instance": a.Instance, "job": "chaos"},
			Annotations:  map[string]string{"summary": a.Group + " is on fire"},
			StartsAt:     s.moment(span.From),
			EndsAt:       s.moment(until),
			GeneratorURL: "http://prometheus.test/graph",
		})
	}
	return out
}

func (s *Source) moment(at float64) time.Time {
	return s.zero.Add(seconds(at)).Round(time.Millisecond).UTC()
}

// posts are all requests so far.
func (s *Source) posts() []Post {
	var out []Post
	for _, t := range s.targets {
		t.mu.Lock()
		out = append(out, t.posts...)
		t.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b Post) int { return int((a.At - b.At) * 1e6) })
	return out
}

// push queues alerts; the oldest are dropped when there are too many.
func (t *target) push(alerts []postable) {
	t.mu.Lock()
	t.queue = append(t.queue, alerts...)
	t.queue = t.queue[max(0, len(t.queue)-queued):]
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// pop takes the oldest alerts, as many as go into one request.
func (t *target) pop() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.queue), together)
	if n == 0 {
		return nil
	}
	body, err := json.Marshal(t.queue[:n])
	if err != nil {
		panic("BUG: a source's alerts encode: " + err.Error())
	}
	t.queue = t.queue[n:]
	return body
}

func (t *target) run(ctx context.Context, zero time.Time) {
	defer t.client.CloseIdleConnections()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		for body := t.pop(); body != nil && ctx.Err() == nil; body = t.pop() {
			at := time.Now()
			code := t.post(ctx, body)
			if ctx.Err() != nil {
				return // the run is over, and the answer cut off by that
			}
			t.mu.Lock()
			t.posts = append(t.posts, Post{At: at.Sub(zero).Seconds(), Node: t.name, Took: time.Since(at), Code: code})
			t.mu.Unlock()
		}
	}
}

// post sends a batch and gives the answer's code, 0 if there is none.
func (t *target) post(ctx context.Context, body []byte) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := t.client.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // so that the connection can be used again
	return res.StatusCode
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
