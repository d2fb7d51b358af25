package gossip

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
)

// logWriter turns memberlist's lines, "[WARN] memberlist: text", into records.
// Its warnings are mostly about single lost packets, so they come one level
// lower than memberlist has them.
type logWriter struct{ logger *slog.Logger }

// Write takes one line.
func (w *logWriter) Write(b []byte) (int, error) {
	level, text := slog.LevelDebug, string(bytes.TrimSpace(b))
	if tag, rest, ok := strings.Cut(text, "] "); ok && strings.HasPrefix(tag, "[") {
		text = rest
		switch tag[1:] {
		case "ERR", "ERROR":
			level = slog.LevelWarn
		case "WARN":
			level = slog.LevelInfo
		}
	}
	// A refused node was said once, with more, by us.
	if strings.Contains(text, errForeign.Error()) {
		level = slog.LevelDebug
	}
	w.logger.Log(context.Background(), level, strings.TrimPrefix(text, "memberlist: "))
	return len(b), nil
}
