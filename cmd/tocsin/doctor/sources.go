package doctor

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/dispatcher/alert"
)

// Sources remembers who posts alerts to this node. Safe for concurrent use.
type Sources struct {
	mu   sync.Mutex // guards seen
	seen map[string]*Source
}

// maxSources bounds those that are remembered; the one that was silent longest
// goes.
const maxSources = 512

// NewSources knows nobody yet.
func NewSources() *Sources { return &Sources{seen: make(map[string]*Source)} }

// Posted notes a message of alerts. It takes what one of them says of its source:
// one message is one source's.
func (s *Sources) Posted(a *alert.Alert, now time.Time) {
	if a.GeneratorURL == (alert.Symbol{}) {
		return // not every sender says where an alert comes from
	}
	name := host(a.GeneratorURL.Value())
	if name == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.seen[name]
	if one == nil {
		s.makeRoom()
		one = &Source{Name: strings.Clone(name), First: now}
		s.seen[one.Name] = one
	}
	one.Posts++
	one.Last = now
}

func (s *Sources) makeRoom() {
	if len(s.seen) < maxSources {
		return
	}
	var oldest *Source
	for _, one := range s.seen {
		if oldest == nil || one.Last.Before(oldest.Last) {
			oldest = one
		}
	}
	delete(s.seen, oldest.Name)
}

// List is all of them by name.
func (s *Sources) List() []Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Source
	for _, one := range s.seen {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// host is the host:port of a URL, "" if it has none, without an allocation.
func host(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	if len(rest) > 255 {
		return ""
	}
	return rest
}
