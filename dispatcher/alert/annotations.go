package alert

import (
	"encoding/binary"
	"iter"
	"maps"
	"slices"
)

// Annotations are an alert's annotations: ascending by name, without repeats,
// immutable, packed into one string. The zero value has none. Two of them are
// equal (==) exactly if they hold the same names and values.
type Annotations struct {
	// packed is, for each annotation, the name and the value, each behind its
	// length as a varint.
	packed string
}

// NewAnnotations makes Annotations of a map.
func NewAnnotations(m map[string]string) Annotations {
	var b []byte
	for _, n := range slices.Sorted(maps.Keys(m)) {
		b = appendPacked(b, n, m[n])
	}
	return Annotations{packed: string(b)}
}

func appendPacked[S string | []byte](b []byte, name, value S) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

// Get is the annotation's value, or the empty string if there is none.
func (as Annotations) Get(name string) string {
	for n, v := range as.All() {
		if n == name {
			return v
		}
	}
	return ""
}

// All goes through the annotations in ascending order of their names. The
// strings share the packed memory.
func (as Annotations) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for rest := as.packed; rest != ""; {
			var n, v string
			n, rest = unpack(rest)
			v, rest = unpack(rest)
			if !yield(n, v) {
				return
			}
		}
	}
}

// Len counts the annotations.
func (as Annotations) Len() int {
	n := 0
	for range as.All() {
		n++
	}
	return n
}

// Map is a new map of the annotations.
func (as Annotations) Map() map[string]string {
	m := make(map[string]string, 4)
	for n, v := range as.All() {
		m[n] = v
	}
	return m
}

// unpack takes one string off the front of p. Only this package makes packed
// strings, so a short one is a programming error and panics by its bounds.
func unpack(p string) (s, rest string) {
	size, shift, i := 0, 0, 0
	for ; p[i] >= 0x80; i++ {
		size |= int(p[i]&0x7f) << shift
		shift += 7
	}
	size |= int(p[i]) << shift
	i++
	return p[i : i+size], p[i+size:]
}
