package cluster

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// raftLogger turns Raft's log into ours, one level lower than Raft has it: it
// reports every lost packet. With quiet everything is for debugging: the
// connections' own log, where a closed one counts as an error.
func raftLogger(to *slog.Logger, quiet bool) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Debug, Output: io.Discard})
	l.RegisterSink(&raftSink{to: to, quiet: quiet, said: make(map[string]*saying)})
	return l
}

// raftSink takes Raft's records. While a peer is away, or there is no quorum, Raft
// says so many times a second; what was said within the last minute about the
// same is for debugging, and counted.
type raftSink struct {
	to    *slog.Logger
	quiet bool

	mu   sync.Mutex // guards said
	said map[string]*saying
}

// saying is something that was said: when, and how often it was kept back since.
type saying struct {
	at   time.Time
	kept int
}

// Bounds of raftSink.
const (
	sayAgain = time.Minute
	maxSaid  = 256
)

// isNews reports whether it was not said lately, and takes down that it was. kept
// is how often it was not said since the last time.
func (s *raftSink) isNews(what string) (kept int, news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.said[what]
	if old != nil && time.Since(old.at) < sayAgain {
		old.kept++
		return 0, false
	}
	if old != nil {
		kept = old.kept
	}
	if len(s.said) >= maxSaid {
		clear(s.said)
	}
	s.said[what] = &saying{at: time.Now()}
	return kept, true
}

// subject is what a record says about whom: its text and its first attribute,
// which is the peer if there is one. Others, such as counts and terms, change.
func subject(msg string, args []any) string {
	if len(args) < 2 {
		return msg
	}
	switch args[0] {
	case "peer", "target", "server-id", "id", "from":
		return fmt.Sprint(msg, args[1])
	}
	return msg
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
	if at > slog.LevelDebug {
		kept, news := s.isNews(subject(msg, args))
		switch {
		case !news:
			at = slog.LevelDebug
		case kept > 0:
			args = append(slices.Clone(args), "and_before", kept)
		}
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
