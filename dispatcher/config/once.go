package config

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// once is a log handler that lets each record through the first time only. It
// remembers at most onceMax records and then begins anew.
type once struct {
	next slog.Handler
	seen *onceSeen
	with string
}

type onceSeen struct {
	mu      sync.Mutex
	records map[string]struct{}
}

const onceMax = 4096

func newOnce(next slog.Handler) *once {
	return &once{next: next, seen: &onceSeen{records: make(map[string]struct{})}}
}

// Enabled implements slog.Handler. Records below info are not worth remembering
// and are dropped.
func (o *once) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo && o.next.Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (o *once) Handle(ctx context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(o.with)
	b.WriteString(r.Level.String())
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteByte(0)
		b.WriteString(a.String())
		return true
	})
	if !o.seen.first(b.String()) {
		return nil
	}
	return o.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (o *once) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := o.with
	for _, a := range attrs {
		with += a.String() + "\x00"
	}
	return &once{next: o.next.WithAttrs(attrs), seen: o.seen, with: with}
}

// WithGroup implements slog.Handler.
func (o *once) WithGroup(name string) slog.Handler {
	return &once{next: o.next.WithGroup(name), seen: o.seen, with: o.with + name + "\x00"}
}

func (s *onceSeen) first(record string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.records[record]; ok {
		return false
	}
	if len(s.records) >= onceMax {
		clear(s.records)
	}
	s.records[record] = struct{}{}
	return true
}
