package alert

import (
	"github.com/cespare/xxhash/v2"

	"tocsin/fsm/model"
)

// separator stands behind every name and value that is hashed. It cannot be
// part of one: the byte 0xff is never valid UTF-8.
const separator = 0xff

// The constants of the 64-bit FNV-1a hash.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func fingerprint(ls Labels) uint64 {
	sum := uint64(fnvOffset)
	for _, l := range ls {
		sum = fnvAdd(sum, l.Name.Value())
		sum = fnvAdd(sum, l.Value.Value())
	}
	return sum
}

// fnvAdd adds s and the separator behind it.
func fnvAdd(sum uint64, s string) uint64 {
	for i := range len(s) {
		sum = (sum ^ uint64(s[i])) * fnvPrime
	}
	return (sum ^ separator) * fnvPrime
}

func hashOf(ls Labels) model.AlertHash {
	var room [512]byte
	b := room[:0]
	for _, l := range ls {
		b = append(b, l.Name.Value()...)
		b = append(b, separator)
		b = append(b, l.Value.Value()...)
		b = append(b, separator)
	}
	return model.AlertHash(xxhash.Sum64(b))
}
