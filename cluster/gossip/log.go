package gossip

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
)

// logWriter turns memberlist's lines, "[WARN] memberlist: text", into records.
// Its warnings are mostly about single lost packets, so they come one level
// lower than memberlist has them. What it cannot read, and anybody may send, is
// said once a minute and sender.
type logWriter struct {
	logger *slog.Logger

	mu         sync.Mutex // guards the rest
	said       map[string]time.Time
	unreadable time.Time
}

// unread are memberlist's words for what it cannot read. The rest of such a line
// may hold bytes of the sender's choice.
var unread = []string{
	"Decrypt packet failed", "failed to receive", "unexpected double", "unacceptable label", "Got invalid checksum",
	"msg type", "Message type", "msgType", "Failed to decode", "Failed to decompress", "Failed to read", "label header", "decode label",
	"UDP packet too short", "Failed to send error", "missing message type byte",
}

// undecrypted is what it says of another key.
var undecrypted = []string{"no installed keys could decrypt", "remote state is not encrypted", "Decrypt packet failed"}

var sender = regexp.MustCompile(`from=(\S+?)(:\d+)?$`)

const (
	sayAgain   = time.Minute
	maxSenders = 256
)

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
	if contains(text, unread) || contains(text, undecrypted) {
		w.sayUnread(text)
		return len(b), nil
	}
	w.logger.Log(context.Background(), level, strings.TrimPrefix(text, "memberlist: "))
	return len(b), nil
}

func (w *logWriter) sayUnread(text string) {
	from := "unknown"
	if m := sender.FindStringSubmatch(text); m != nil {
		from = m[1]
	}
	otherKey := contains(text, undecrypted)
	if !w.isTime(from, otherKey) {
		w.logger.Debug("gossip was not understood", "address", from)
		return
	}
	if otherKey {
		w.logger.Warn("refused gossip that is encrypted with another key, or not at all", "address", from,
			"next", "a node gets the keys of its cluster when it joins: give it --cluster.join-token-file; if it is of another cluster, give each its own peers")
		return
	}
	w.logger.Warn("refused gossip that makes no sense", "address", from, "next", "does something else use this port, or another --cluster.label?")
}

func (w *logWriter) isTime(from string, otherKey bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if otherKey {
		w.unreadable = now
	}
	if at, ok := w.said[from]; ok && now.Sub(at) < sayAgain {
		return false
	}
	if w.said == nil || len(w.said) >= maxSenders {
		w.said = make(map[string]time.Time)
	}
	w.said[from] = now
	return true
}

// lastUnreadable is when gossip was last met that another key would open.
func (w *logWriter) lastUnreadable() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unreadable
}

func contains(text string, any []string) bool {
	for _, s := range any {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}
