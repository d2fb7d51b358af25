package cluster

import (
	"context"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger turns Raft's log into ours. Raft reports single lost packets as
// errors, so its records come one level lower than it has them.
func raftLogger(to *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "raft", Level: hclog.Debug, Output: io.Discard})
	l.RegisterSink(raftSink{to})
	return l
}

type raftSink struct{ to *slog.Logger }

// Accept takes one record.
func (s raftSink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	at := slog.LevelDebug
	switch level {
	case hclog.Error:
		at = slog.LevelWarn
	case hclog.Warn:
		at = slog.LevelInfo
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
