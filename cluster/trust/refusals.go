package trust

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"tocsin/cluster/pki"
)

// Refusals says who was refused and why, once a peer and minute.
type Refusals struct {
	Logger *slog.Logger

	mu    sync.Mutex // guards the rest
	said  map[string]time.Time
	count uint64
}

// The bounds of what is said.
const (
	sayAgain = time.Minute
	maxPeers = 1024
)

// Say says what happened to the peer at an address, with the reason and what to
// do about it, unless something was said of that peer within a minute. args are
// a log's.
func (r *Refusals) Say(what string, from net.Addr, reason error, args ...any) {
	host := hostOf(from)
	if !r.isTime(what + host) {
		return
	}
	args = append(args, "address", host, "reason", reason)
	if next := pki.Next(reason); next != "" {
		args = append(args, "next", next)
	}
	r.Logger.Warn(what, args...)
}

// Count is how many refusals there were, said or not.
func (r *Refusals) Count() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

func (r *Refusals) isTime(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	now := time.Now()
	if at, ok := r.said[key]; ok && now.Sub(at) < sayAgain {
		return false
	}
	if r.said == nil {
		r.said = make(map[string]time.Time)
	}
	if len(r.said) >= maxPeers {
		for k, at := range r.said {
			if now.Sub(at) >= sayAgain {
				delete(r.said, k)
			}
		}
	}
	if len(r.said) >= maxPeers {
		return false
	}
	r.said[key] = now
	return true
}

func hostOf(a net.Addr) string {
	if a == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}
