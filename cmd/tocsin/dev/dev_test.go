package dev_test

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/tocsin/dev"
)

// screen is what a person would see.
type screen struct {
	mu    sync.Mutex
	text  strings.Builder // guarded by mu
	wrote chan struct{}
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.wrote <- struct{}{}:
	default:
	}
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// shows waits until the pattern is on the screen and returns its groups.
func (s *screen) shows(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for late := time.After(30 * time.Second); ; {
		if m := re.FindStringSubmatch(s.String()); m != nil {
			return m
		}
		select {
		case <-s.wrote:
		case <-late:
			t.Fatalf("not on the screen: %s\n%s", pattern, s)
		}
	}
}

func TestDemonstration(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &screen{wrote: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() {
		done <- dev.Run(ctx, dev.Options{Program: "tocsin", LogLevel: "error", Out: out, Err: t.Output()})
	}()

	node3 := out.shows(t, `node3 .* (http://127\.0\.0\.1:\d+)/\n`)[1]
	out.shows(t, `(?s)tocsin alert add DiskFull.*tocsin silence add DiskFull.*tocsin status`)
	resp, err := http.Post(node3+"/api/v2/alerts", "application/json", strings.NewReader(`[{"labels":{"alertname":"DiskFull","instance":"db1"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	out.shows(t, `NOTIFICATION FIRING to team \(first notification\), delivery [0-9a-f]{12}\n +firing +DiskFull instance=db1\n`)

	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
