package silence

import (
	"sync"

	"tocsin/fsm/model"
)

// memory remembers which silences match which alert. It is bounded: each shard
// keeps what was asked for lately and, before that, one generation more.
type memory [shards]struct {
	mu       sync.Mutex
	cur, old map[model.AlertHash]memo
}

const (
	shards = 32
	// perShard times shards times two is how many alerts are remembered at
	// most: a million.
	perShard = 16384
)

// memo is what was found for one alert, in the library of that age and top.
type memo struct {
	age, rev, top uint64
	found         []*compiled
}

func (m *memory) get(h model.AlertHash) (memo, bool) {
	s := &m[h%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.cur[h]; ok {
		return v, true
	}
	v, ok := s.old[h]
	return v, ok
}

func (m *memory) put(h model.AlertHash, v memo) {
	s := &m[h%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cur) >= perShard {
		s.old, s.cur = s.cur, nil
	}
	if s.cur == nil {
		s.cur = make(map[model.AlertHash]memo)
	}
	s.cur[h] = v
}
