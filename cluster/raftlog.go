package cluster

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// raftLogger turns Raft's log into ours, one level lower than Raft has it: it
// reports every lost packet. With quiet everything is for debugging: the
// connections' own log, where a closed one counts as an error.
func raftLogger(to *slog.Logger, quiet bool) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Debug, Output: io.Discard})
	l.RegisterSink(&raftSink{to: to, quiet: quiet, said: make(map[string]time.Time)})
	return l
}

// raftSink takes Raft's records. While a peer is away, Raft says so many times a
// second; what was said about a peer within the last minute is for debugging.
type raftSink struct {
	to    *slog.Logger
	quiet bool

	mu   sync.Mutex // guards said
	said map[string]time.Time
}

// Bounds of raftSink.
const (
	sayAgain = time.Minute
	maxSaid  = 256
)

// isNews reports whether it was not said lately, and takes down that it was.
func (s *raftSink) isNews(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.said[what]; ok && time.Since(at) < sayAgain {
		return false
	}
	if len(s.said) >= maxSaid {
		clear(s.said)
	}
	s.said[what] = time.Now()
	return true
}

// Accept takes one record.
func (s *raftSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	at := slog.LevelDebug
	switch {
	case s.quiet:
	case level == hclog.Error:
		at = slog.LevelWarn
	case level == hclog.Warn:
		at = slog.LevelInfo
	}
	if at > slog.LevelDebug && len(args) > 1 && !s.isNews(fmt.Sprint(msg, args[0], args[1])) {
		at = slog.LevelDebug
	}
	ctx := context.Background()
	if !s.to.Enabled(ctx, at) {
		return
	}
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			args[i] = f[len(f)-1]
		}
	}
	s.to.With("from", "raft").Log(ctx, at, msg, args...)
}
