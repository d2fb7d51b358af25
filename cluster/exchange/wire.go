package exchange

import (
	"encoding/binary"
	"errors"
	"slices"
)

// The kinds of question. The numbers are part of the wire format.
const (
	// kindPush: alerts with their bodies. The answer is empty.
	kindPush uint8 = iota + 1
	// kindRefresh: states. The answer has the hashes whose bodies are wanted.
	// Also without any states it is a sign of life.
	kindRefresh
	// kindCompare: sums. The answer lists the buckets that differ.
	kindCompare
	// kindPull: hashes. The answer has their bodies.
	kindPull
)

var kindNames = map[uint8]string{kindPush: "push", kindRefresh: "refresh", kindCompare: "compare", kindPull: "pull"}

const (
	wireVersion = 1
	// maxCut bounds how many unreachable nodes are named, maxID an ID.
	maxCut = 16
	maxID  = 255
	// chunk is what a message is filled up to, in bytes, so that it passes a
	// slow line within the time a question has. Listings may be larger: there
	// is more of them at once, after a join.
	chunk        = 256 << 10
	chunkListing = 1 << 20
	stateBytes   = 4 * 8
	entryBytes   = stateBytes + 1
)

var errWire = errors.New("malformed message")

// head opens every question.
type head struct {
	// from is who asks, boot the number of its life.
	from string
	boot uint64
	// cut are the nodes that it does not reach. Who does may help.
	cut []string
}

func (h head) append(b []byte) []byte {
	b = appendText(append(b, wireVersion), h.from)
	b = binary.LittleEndian.AppendUint64(b, h.boot)
	b = append(b, byte(len(h.cut)))
	for _, id := range h.cut {
		b = appendText(b, id)
	}
	return b
}

// appendText writes up to maxID bytes.
func appendText(b []byte, s string) []byte {
	s = s[:min(len(s), maxID)]
	return append(append(b, byte(len(s))), s...)
}

func appendState(b []byte, s State) []byte {
	for _, v := range [...]uint64{s.Hash, uint64(s.Updated), uint64(s.Ends), s.Sum} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func appendHashes(b []byte, hashes []uint64) []byte {
	for _, h := range hashes {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return b
}

// appendRecord writes an alert's state and body; b as it is if there is none.
func appendRecord(b []byte, s Store, hash uint64) []byte {
	var room [stateBytes + 4]byte
	start := len(b)
	out, state, ok := s.AppendBody(append(b, room[:]...), hash)
	if !ok {
		return b
	}
	body := out[start+len(room):]
	appendState(out[start:start], state)
	binary.LittleEndian.PutUint32(out[start+stateBytes:], uint32(len(body)))
	return out
}

// reader takes a message apart. After the first error all it returns is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) bytes(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.rest) {
		r.err = errWire
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) text() string { return string(r.bytes(int(r.byte()))) }

func (r *reader) state() State {
	return State{Hash: r.uint64(), Updated: int64(r.uint64()), Ends: int64(r.uint64()), Sum: r.uint64()}
}

func (r *reader) more() bool { return r.err == nil && len(r.rest) > 0 }

func (r *reader) head() head {
	if v := r.byte(); v != wireVersion {
		r.err = errWire
	}
	h := head{from: r.text(), boot: r.uint64()}
	n := int(r.byte())
	if n > maxCut {
		r.err = errWire
	}
	for range n {
		if r.err != nil {
			break
		}
		h.cut = append(h.cut, r.text())
	}
	return h
}

func (r *reader) states() []State {
	out := make([]State, 0, len(r.rest)/stateBytes)
	for r.more() {
		out = append(out, r.state())
	}
	return out
}

func (r *reader) hashes() []uint64 {
	out := make([]uint64, 0, len(r.rest)/8)
	for r.more() {
		out = append(out, r.uint64())
	}
	return out
}

// record is an alert as it comes in; the body is memory of the message.
type record struct {
	State
	body []byte
}

func (r *reader) records() []record {
	var out []record
	for r.more() {
		out = append(out, record{State: r.state(), body: r.bytes(int(r.uint32()))})
	}
	return out
}

// comparison is a question of kindCompare: the sums of the buckets from one on.
type comparison struct {
	horizon int64
	from    int
	sums    sums
}

func (c *comparison) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(c.horizon))
	b = binary.LittleEndian.AppendUint16(b, uint16(c.from))
	return appendHashes(b, c.sums[c.from:])
}

func (r *reader) comparison() *comparison {
	c := &comparison{horizon: int64(r.uint64()), from: int(r.uint16())}
	if c.from >= buckets || len(r.rest) != 8*(buckets-c.from) {
		r.err = errWire
		return c
	}
	for i := c.from; i < buckets; i++ {
		c.sums[i] = r.uint64()
	}
	return c
}

// contrast is the answer to a comparison: which buckets differ, up to but
// without next, and what is in them.
type contrast struct {
	next    int
	differ  differing
	entries []Entry
}

func (c *contrast) append(b []byte) []byte {
	b = slices.Grow(b, 2+len(c.differ)+entryBytes*len(c.entries))
	b = binary.LittleEndian.AppendUint16(b, uint16(c.next))
	b = append(b, c.differ[:]...)
	for _, e := range c.entries {
		b = appendState(b, e.State)
		if e.Offer {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

func (r *reader) contrast() *contrast {
	c := &contrast{next: int(r.uint16())}
	copy(c.differ[:], r.bytes(len(c.differ)))
	c.entries = make([]Entry, 0, len(r.rest)/entryBytes)
	for r.more() {
		c.entries = append(c.entries, Entry{State: r.state(), Offer: r.byte() != 0})
	}
	return c
}
