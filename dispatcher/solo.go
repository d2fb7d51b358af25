package dispatcher

import (
	"sync"

	"tocsin/fsm/model"
)

// solo are the keys for which this process is sending without a quorum. With a
// claim the ledger keeps two senders of a key apart; without one, a delivery of
// an old epoch that is still sending and its successor in the new one would not
// know of each other.
type solo struct {
	mu   sync.Mutex
	keys map[model.DeliveryKey]struct{}
}

func newSolo() *solo { return &solo{keys: make(map[model.DeliveryKey]struct{})} }

// begin returns false if somebody else is sending.
func (s *solo) begin(key model.DeliveryKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, busy := s.keys[key]; busy {
		return false
	}
	s.keys[key] = struct{}{}
	return true
}

func (s *solo) end(key model.DeliveryKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, key)
}

// busy reports whether somebody is sending.
func (s *solo) busy(key model.DeliveryKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, busy := s.keys[key]
	return busy
}
