package alert

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/model"
)

// Store keeps the alerts of a node: one Record per label set. All methods are
// safe for concurrent use.
type Store struct {
	opts    Options
	shards  [shardCount]shard
	size    atomic.Int64
	quotas  *quotas
	subs    subscribers
	metrics *metrics
}

// Options says how a Store behaves.
type Options struct {
	// PerAlertnameLimit is how many alerts of one alertname may fire at once;
	// 0 or less is without limit. Alertmanager's --alerts.per-alertname-limit.
	PerAlertnameLimit int
	// GCInterval is how often Run collects resolved alerts. Alertmanager's
	// --alerts.gc-interval, 30m if it is not positive.
	GCInterval time.Duration
	// NamesInMetrics puts the alertname on the counter of limited alerts.
	NamesInMetrics bool
	// TellRefreshed puts changes of the kind Refreshed into results, too.
	TellRefreshed bool
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Now is the wall clock for Run; time.Now if nil.
	Now func() time.Time
}

// shardCount is a power of two. With 64 alerts a request and a few requests at
// a time, two of them rarely meet on a shard.
const shardCount = 64

type shard struct {
	mu      sync.RWMutex
	records map[model.AlertHash]*Record
}

// Kind says what an update did to a record.
type Kind uint8

// The kinds of change.
const (
	// New: the label set was not in the store.
	New Kind = iota + 1
	// Changed: its start, annotations or generator changed, or it fires again
	// or on after it was resolved or was about to end.
	Changed
	// Resolved: it fired until this update.
	Resolved
	// Refreshed: only its end or its time of update moved, or nothing.
	Refreshed
)

// String is one word for logs and tests.
func (k Kind) String() string {
	switch k {
	case New:
		return "new"
	case Changed:
		return "changed"
	case Resolved:
		return "resolved"
	case Refreshed:
		return "refreshed"
	default:
		return "unknown"
	}
}

// Change is what one update did. Old is nil for New. Two updates of one record
// take effect in one order, but their changes may reach a reader in another:
// decide by what Record.Load says, not by Change.New.
type Change struct {
	Record   *Record
	Old, New *Alert
	Kind     Kind
}

// PutResult is what a batch did.
type PutResult struct {
	// Changes are in the order of the batch, without those of the kind
	// Refreshed unless Options.TellRefreshed.
	Changes []Change
	// Refreshed counts alerts of which only the end or the time of update
	// moved, Limited those that were dropped because their alertname is at its
	// limit, Collided those that were dropped because another label set with
	// the same hash is in the store.
	Refreshed, Limited, Collided int
}

// NewStore makes an empty store.
func NewStore(opts Options) *Store {
	if opts.GCInterval <= 0 {
		opts.GCInterval = 30 * time.Minute
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Store{opts: opts, metrics: newMetrics(opts), quotas: newQuotas(opts.PerAlertnameLimit)}
	for i := range s.shards {
		s.shards[i].records = make(map[model.AlertHash]*Record)
	}
	return s
}

// Run collects resolved alerts every GCInterval until ctx is over, and tells
// collected (may be nil) which.
func (s *Store) Run(ctx context.Context, collected func([]*Record)) {
	t := time.NewTicker(s.opts.GCInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if rs := s.GC(s.opts.Now()); collected != nil && len(rs) > 0 {
			collected(rs)
		}
	}
}

// Len counts the records.
func (s *Store) Len() int { return int(s.size.Load()) }

// Get is the record of the label set with this hash.
func (s *Store) Get(hash model.AlertHash) (*Record, bool) {
	sh := s.shard(hash)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	r, ok := sh.records[hash]
	return r, ok
}

// All goes through the records, in no order. It sees every record that is in
// the store throughout; one that comes or goes meanwhile may or may not be
// seen. No lock is held while the caller looks at a record.
func (s *Store) All() iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		var batch []*Record
		for i := range s.shards {
			batch = s.shards[i].list(batch[:0])
			for _, r := range batch {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// GC takes out the records that are resolved at now and that nobody holds, and
// returns them.
func (s *Store) GC(now time.Time) []*Record {
	var out []*Record
	ns := now.UnixNano()
	for i := range s.shards {
		out = s.shards[i].collect(out, ns)
	}
	s.size.Add(-int64(len(out)))
	for _, r := range out {
		s.quotas.leave(r, r.Load())
	}
	return out
}

func (s *Store) shard(hash model.AlertHash) *shard { return &s.shards[hash%shardCount] }

func (sh *shard) list(dst []*Record) []*Record {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for _, r := range sh.records {
		dst = append(dst, r)
	}
	return dst
}

func (sh *shard) collect(dst []*Record, now int64) []*Record {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for h, r := range sh.records {
		if r.Load().resolvedAt(now) && r.retire() {
			delete(sh.records, h)
			dst = append(dst, r)
		}
	}
	return dst
}
