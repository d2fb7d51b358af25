package alert

import "time"

// Put takes in alerts that were posted to this node at now, in their order. An
// update is newer than all that was heard from other nodes before; against other
// posts its UpdatedAt decides, so a request that was overtaken by a later one
// does not undo it. An alert without a hash gets its hash and fingerprint here.
// The store keeps copies; batch may be reused.
func (s *Store) Put(now time.Time, batch []Alert) PutResult {
	return s.apply(now, batch, Posted)
}

// Merge takes in alerts as another node, or this one before a restart, had
// them. Their UpdatedAt decides what is newer, and where two are equal their
// content, so that the order in which nodes hear of states does not matter.
func (s *Store) Merge(now time.Time, batch []Alert) PutResult {
	return s.apply(now, batch, Heard)
}

// intake is one batch on its way into the store.
type intake struct {
	now  int64
	from Origin
	res  PutResult
	// told is for the subscribers; nil if there are none.
	told *[]Change
}

func (s *Store) apply(now time.Time, batch []Alert, from Origin) PutResult {
	subs := s.subs.list()
	b := intake{now: now.UnixNano(), from: from, told: s.subs.room(subs)}
	for i := range batch {
		in := &batch[i]
		if in.Hash == 0 && in.Fingerprint == 0 {
			in.Hash, in.Fingerprint = in.Labels.Hash(), in.Labels.Fingerprint()
		}
		s.applyOne(in, &b)
	}
	s.metrics.count(b.res)
	s.subs.tell(subs, b.told, from)
	return b.res
}

func (s *Store) applyOne(in *Alert, b *intake) {
	sh := s.shard(in.Hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	r, ok := sh.records[in.Hash]
	if !ok {
		s.insert(in, b)
		return
	}
	old := r.Load()
	if !old.Labels.Equal(in.Labels) {
		b.res.Collided++
		return
	}
	upd := r.next(old, in, b.from)
	kind := kindOf(old, upd, b.now)
	if kind == Refreshed && upd == old {
		b.res.Refreshed++
		return
	}
	if !s.quotas.move(r, old, upd, b.now) {
		b.res.Limited++
		s.metrics.limit(in)
		return
	}
	r.alert.Store(upd)
	b.note(Change{Record: r, Old: old, New: upd, Kind: kind}, s.opts.TellRefreshed)
}

// note puts a change where it is wanted.
func (b *intake) note(c Change, refreshed bool) {
	if b.told != nil {
		*b.told = append(*b.told, c)
	}
	if c.Kind == Refreshed {
		b.res.Refreshed++
		if !refreshed {
			return
		}
	}
	b.res.Changes = append(b.res.Changes, c)
}

// insert adds a record. The caller has the shard's lock.
func (s *Store) insert(in *Alert, b *intake) {
	a := *in
	r := &Record{}
	if b.from == Posted {
		r.arrived = a.UpdatedAt
	}
	r.alert.Store(&a)
	if !s.quotas.move(r, nil, &a, b.now) {
		b.res.Limited++
		s.metrics.limit(in)
		return
	}
	s.shard(a.Hash).records[a.Hash] = r
	s.size.Add(1)
	b.note(Change{Record: r, New: &a, Kind: New}, s.opts.TellRefreshed)
}

// next says what becomes of old, the alert in the record, when in arrives. It is
// old itself if nothing changes.
func (r *Record) next(old, in *Alert, from Origin) *Alert {
	if from == Posted {
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
	upd.Labels, upd.keptUntil = old.Labels, 0
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
	upd.Labels, upd.keptUntil = old.Labels, 0
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
	revived := old.EndsAt != upd.EndsAt && old.EndsAt != 0 && old.EndsAt <= now+int64(grace)
	switch {
	case over && !old.resolvedAt(now):
		return Resolved
	case !over && revived || !sameContent(old, upd):
		return Changed
	default:
		return Refreshed
	}
}
