package alert

import "time"

// Put takes in alerts that were posted to this node at now, in their order. An
// update is newer than all that was heard from other nodes before; against other
// posts its UpdatedAt decides, so a request that was overtaken by a later one
// does not undo it. An alert without a hash gets its hash and fingerprint here.
// The store keeps copies; batch may be reused.
func (s *Store) Put(now time.Time, batch []Alert) PutResult {
	return s.apply(now, batch, posted)
}

// Merge takes in alerts as another node, or this one before a restart, had
// them. Their UpdatedAt decides what is newer, and where two are equal their
// content, so that the order in which nodes hear of states does not matter.
func (s *Store) Merge(now time.Time, batch []Alert) PutResult {
	return s.apply(now, batch, heard)
}

// origin is where an update comes from.
type origin uint8

const (
	posted origin = iota
	heard
)

func (s *Store) apply(now time.Time, batch []Alert, from origin) PutResult {
	var res PutResult
	ns := now.UnixNano()
	for i := range batch {
		in := &batch[i]
		if in.Hash == 0 && in.Fingerprint == 0 {
			in.Hash, in.Fingerprint = in.Labels.Hash(), in.Labels.Fingerprint()
		}
		s.applyOne(ns, in, from, &res)
	}
	s.metrics.count(res)
	return res
}

func (s *Store) applyOne(now int64, in *Alert, from origin, res *PutResult) {
	sh := s.shard(in.Hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r, ok := sh.records[in.Hash]
	if !ok {
		s.insert(now, in, from, res)
		return
	}
	old := r.Load()
	if !old.Labels.Equal(in.Labels) {
		res.Collided++
		return
	}
	upd := r.next(old, in, from)
	kind := kindOf(old, upd, now)
	if kind == Refreshed && upd == old {
		res.Refreshed++
		return
	}
	if !s.quotas.move(r, old, upd, now) {
		res.Limited++
		s.metrics.limit(in)
		return
	}
	r.alert.Store(upd)
	if kind == Refreshed {
		res.Refreshed++
		if !s.opts.TellRefreshed {
			return
		}
	}
	res.Changes = append(res.Changes, Change{Record: r, Old: old, New: upd, Kind: kind})
}

// insert adds a record. The caller has the shard's lock.
func (s *Store) insert(now int64, in *Alert, from origin, res *PutResult) {
	a := *in
	r := &Record{}
	if from == posted {
		r.arrived = a.UpdatedAt
	}
	r.alert.Store(&a)
	if !s.quotas.move(r, nil, &a, now) {
		res.Limited++
		s.metrics.limit(in)
		return
	}
	s.shard(a.Hash).records[a.Hash] = r
	s.size.Add(1)
	res.Changes = append(res.Changes, Change{Record: r, New: &a, Kind: New})
}

// next says what becomes of old, the alert in the record, when in arrives. It is
// old itself if nothing changes.
func (r *Record) next(old, in *Alert, from origin) *Alert {
	if from == posted {
		return r.post(old, in)
	}
	return hear(old, in)
}

// post is the rule of Put.
func (r *Record) post(old, in *Alert) *Alert {
	if overtaken := in.UpdatedAt < r.arrived; overtaken {
		if !overlaps(old, in) {
			return old
		}
		return keep(old, mergePosts(in, old, r.arrived))
	}
	r.arrived = in.UpdatedAt
	if old.UpdatedAt >= in.UpdatedAt && sameState(old, in) {
		return old
	}
	upd := *in
	if overlaps(old, in) {
		upd = mergePosts(old, in, in.UpdatedAt)
	}
	upd.UpdatedAt = max(in.UpdatedAt, old.UpdatedAt+1)
	upd.Labels = old.Labels
	return &upd
}

// hear is the rule of Merge.
func hear(old, in *Alert) *Alert {
	switch {
	case in.UpdatedAt == old.UpdatedAt:
		return keep(old, mergeEqual(old, in))
	case in.UpdatedAt < old.UpdatedAt && overlaps(old, in):
		return keep(old, mergeStates(in, old))
	case in.UpdatedAt < old.UpdatedAt:
		return old
	}
	upd := *in
	if overlaps(old, in) {
		upd = mergeStates(old, in)
	}
	upd.Labels = old.Labels
	return &upd
}

// keep is old if upd says the same.
func keep(old *Alert, upd Alert) *Alert {
	if sameState(old, &upd) {
		return old
	}
	upd.Labels = old.Labels
	return &upd
}

// grace is how close to its end an alert counts as over when an update moves
// the end. A group may let an alert go the moment it ends; an update that was
// judged just before that and stored just after must not pass for a refresh of
// an alert that no group has any more. Prometheus refreshes minutes ahead.
const grace = 15 * time.Second

func kindOf(old, upd *Alert, now int64) Kind {
	over := upd.resolvedAt(now)
	revived := old.resolvedAt(now+int64(grace)) && old.EndsAt != upd.EndsAt
	switch {
	case over && !old.resolvedAt(now):
		return Resolved
	case !over && revived || !sameContent(old, upd):
		return Changed
	default:
		return Refreshed
	}
}
