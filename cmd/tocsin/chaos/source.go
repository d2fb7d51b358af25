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
	// queued is how many batches wait for a node; the oldest are dropped.
	queued = 40
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
	queue     chan []byte
	mu        sync.Mutex
	posts     []Post
}

// newSource makes a source on a host. Targets are names and URLs.
func newSource(h *Host, alerts []AlertStory, zero time.Time, targets [][2]string) *Source {
	s := &Source{alerts: alerts, zero: zero, sent: make([]sentState, len(alerts))}
	for _, t := range targets {
		s.targets = append(s.targets, &target{
			name:   t[0],
			url:    t[1] + "/api/v2/alerts",
			client: &http.Client{Timeout: postLimit, Transport: &http.Transport{DialContext: h.Dial, MaxIdleConnsPerHost: 2}},
			queue:  make(chan []byte, queued),
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
			if body := s.due(time.Since(s.zero).Seconds()); body != nil {
				for _, t := range s.targets {
					t.push(body)
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

// due is the body of what is to be sent now; nil if there is nothing.
func (s *Source) due(now float64) []byte {
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
	if out == nil {
		return nil
	}
	body, err := json.Marshal(out)
	if err != nil {
		panic("BUG: a source's alerts encode: " + err.Error())
	}
	return body
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

// push queues a batch; the oldest is dropped when there are too many.
func (t *target) push(body []byte) {
	for {
		select {
		case t.queue <- body:
			return
		default:
		}
		select {
		case <-t.queue:
		default:
		}
	}
}

func (t *target) run(ctx context.Context, zero time.Time) {
	for {
		select {
		case <-ctx.Done():
			t.client.CloseIdleConnections()
			return
		case body := <-t.queue:
			at := time.Now()
			code := t.post(ctx, body)
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
