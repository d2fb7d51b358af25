package v2

import (
	"google.golang.org/protobuf/encoding/protowire"

	"tocsin/fsm/model"
)

// silenceSize is about the number of bytes that Alertmanager would keep for the
// silence, for the limit that its flag sets: its fields as protocol buffers,
// the first matcher set twice as Alertmanager writes it for older readers.
func silenceSize(s *model.Silence) int {
	const (
		timestamp = 14 // seconds and nanoseconds, with their tags
		times     = 4  // start, end, update, expiry
		newID     = 36
	)
	size := times*timestamp + field(max(len(s.ID), newID)) + field(len(s.CreatedBy)) + field(len(s.Comment))
	for _, p := range s.Annotations {
		size += field(field(len(p.Name)) + field(len(p.Value)))
	}
	for i, set := range s.MatcherSets {
		n := 0
		for _, m := range set {
			n += field(2 + field(len(m.Name)) + field(len(m.Value)))
		}
		size += field(n)
		if i == 0 {
			size += n
		}
	}
	return field(size)
}

// field is the size of a field of n bytes with its tag.
func field(n int) int { return 1 + protowire.SizeBytes(n) }
