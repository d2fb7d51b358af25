package silence

import (
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// View is the replicated silences at some index. It is immutable.
type View interface {
	Silences() iter.Seq[*model.Silence]
	// SilenceRev changes whenever a silence does, or goes.
	SilenceRev() uint64
}

// Muter says which silences mute an alert, by the newest view. All methods may
// be called from several goroutines.
type Muter struct {
	view   func() View
	logger *slog.Logger

	library atomic.Pointer[library]
	metrics *metrics
	// mu is held while a library is built, so that it is built once.
	mu     sync.Mutex
	memory memory
}

// NewMuter makes a Muter that asks view at each check, which must be cheap.
func NewMuter(view func() View) *Muter {
	m := &Muter{view: view, logger: slog.New(slog.DiscardHandler)}
	m.library.Store(newLibrary())
	m.metrics = newMetrics(m)
	return m
}

// LogTo makes the Muter say which silences it cannot compile. Call it before
// the Muter is used.
func (m *Muter) LogTo(l *slog.Logger) *Muter { m.logger = l; return m }

// Mutes is the IDs of the silences that are active at now and match the alert,
// ascending; nil if none.
func (m *Muter) Mutes(a *alert.Alert, now time.Time) []string {
	l := m.current()
	m.metrics.queries.Inc()
	if l.count == 0 {
		return nil
	}
	return active(m.matching(l, a), model.Millis(now.UnixMilli()))
}

func (m *Muter) matching(l *library, a *alert.Alert) []*compiled {
	was, known := m.memory.get(a.Hash)
	if known && was.age == l.age && was.rev == l.rev {
		return was.found
	}
	began := time.Now()
	now := memo{age: l.age, rev: l.rev, top: l.top}
	held := 0
	switch {
	case !known || was.age != l.age || was.rev > l.rev:
		now.found, held = l.matching(a.Labels)
	default:
		now.found, held = l.since(was.found, was.top, a.Labels)
	}
	m.metrics.searched(time.Since(began), held, l.count)
	m.memory.put(a.Hash, now)
	return now.found
}

// current is the library of the newest view.
func (m *Muter) current() *library {
	v := m.view()
	if l := m.library.Load(); l.rev == v.SilenceRev() {
		return l
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// The view is asked again under the lock: another goroutine may have built
	// a newer library than v is meanwhile, and it must not be undone.
	v = m.view()
	l := m.library.Load()
	if l.rev == v.SilenceRev() {
		return l
	}
	next, err := l.next(v)
	if err != nil {
		m.metrics.uncompiled.WithLabelValues("index").Inc()
		m.logger.Error("a silence mutes nothing because it does not compile", "err", err)
	}
	m.library.Store(next)
	return next
}
