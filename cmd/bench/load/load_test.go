package load_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/bench/load"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestBodiesAreAsManyAndAsLargeAsTheySay(t *testing.T) {
	seen := make(map[string]bool)
	for i, b := range load.Bodies(100, start, start.Add(time.Hour)) {
		var alerts []struct{ Labels, Annotations map[string]string }
		if err := json.Unmarshal(b, &alerts); err != nil {
			t.Fatalf("body %d: %v", i, err)
		}
		if len(alerts) > load.PerRequest {
			t.Errorf("body %d has %d alerts", i, len(alerts))
		}
		for _, a := range alerts {
			size := 0
			for _, v := range a.Annotations {
				size += len(v)
			}
			if len(a.Labels) != 8 || size < 270 || size > 330 {
				t.Fatalf("an alert has %d labels and %d bytes of annotations", len(a.Labels), size)
			}
			seen[fmt.Sprint(a.Labels)] = true
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d different alerts, want 100", len(seen))
	}
}

func TestPostAllPostsEachOnce(t *testing.T) {
	var mu sync.Mutex
	got := make(map[string]int)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got[r.Method+" "+r.URL.Path+" "+string(b)]++
	}))
	defer srv.Close()
	c := load.NewClient(3)
	defer c.Close()
	bodies := load.Singles("x", 500, start, start.Add(time.Hour))
	if _, err := c.PostAll(context.Background(), srv.URL, bodies); err != nil {
		t.Fatalf("post: %v", err)
	}
	for _, b := range bodies {
		if n := got["POST /api/v2/alerts "+string(b)]; n != 1 {
			t.Errorf("a body was posted %d times", n)
		}
	}
}

func TestPostAllStopsAtAnError(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no room", http.StatusServiceUnavailable)
	}))
	defer srv.Close()
	c := load.NewClient(2)
	defer c.Close()
	_, err := c.PostAll(context.Background(), srv.URL, load.Singles("x", 1000, start, start))
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("error is %v", err)
	}
}

func TestGetMedian(t *testing.T) {
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		fmt.Fprint(w, "twelve bytes")
	}))
	defer srv.Close()
	c := load.NewClient(1)
	defer c.Close()
	g, err := c.GetMedian(context.Background(), srv.URL, 5)
	if err != nil || n != 5 || g.Size != 12 || g.Took <= 0 {
		t.Errorf("after %d requests: %+v, %v", n, g, err)
	}
}

func TestSinkNotesTheFirstOfEach(t *testing.T) {
	s, err := load.NewSink()
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	defer s.Close()
	before := time.Now()
	for _, id := range []string{"a", "b", "a"} {
		body := fmt.Sprintf(`{"groupLabels":{"id":%q},"alerts":[]}`, id)
		resp, err := http.Post(s.URL, "application/json", strings.NewReader(body))
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("post: %v, %v", resp, err)
		}
		resp.Body.Close()
	}
	told, err := s.Await(context.Background(), 2)
	if err != nil || len(told) != 2 || told["a"].Before(before) || told["b"].Before(told["a"]) || s.Repeats() != 1 {
		t.Errorf("told %v with %d repeats: %v", told, s.Repeats(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Await(ctx, 3); err == nil {
		t.Errorf("waited for more than came without an error")
	}
}
