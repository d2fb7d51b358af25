package alert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
	"unique"

	"github.com/cespare/xxhash/v2"
)

// The wire form of an alert: a version, flags, the three times with eight bytes
// each, then the generator URL, the labels and the annotations, each behind its
// length in bytes as a varint. Labels and annotations are names and values in
// turn, each behind its length, the names ascending. The form is canonical:
// equal alerts are equal bytes.
const (
	wireVersion = 1
	wireTimeout = 1 << 0 // the only flag
	wireHead    = 2 + 3*8
)

// MaxWireSection bounds the generator URL, the labels, and the annotations of an
// alert in wire form, each in bytes. A POST takes larger ones, but such an alert
// stays on its node.
const MaxWireSection = 1 << 20

var (
	// ErrWire says that bytes are not an alert in wire form.
	ErrWire = errors.New("not an alert in wire form")
	// ErrWireVersion says that a newer program wrote the alert.
	ErrWireVersion = errors.New("alert of a newer program")
)

// AppendWire writes a behind dst. It returns dst as it is if a part of a is
// larger than MaxWireSection.
func AppendWire(dst []byte, a *Alert) []byte {
	labels, generator := wireLabels(a.Labels), a.Generator()
	if labels > MaxWireSection || len(generator) > MaxWireSection || len(a.Annotations.packed) > MaxWireSection {
		return dst
	}
	var flags byte
	if a.Timeout {
		flags |= wireTimeout
	}
	dst = append(dst, wireVersion, flags)
	for _, ns := range [...]int64{a.StartsAt, a.EndsAt, a.UpdatedAt} {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(ns))
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(generator))), generator...)
	dst = binary.AppendUvarint(dst, uint64(labels))
	for _, l := range a.Labels {
		dst = appendPacked(dst, l.Name.Value(), l.Value.Value())
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.Annotations.packed)))
	return append(dst, a.Annotations.packed...)
}

// wireLabels is how many bytes ls take.
func wireLabels(ls Labels) int {
	n := 0
	for _, l := range ls {
		for _, s := range [...]string{l.Name.Value(), l.Value.Value()} {
			n += uvarintLen(uint64(len(s))) + len(s)
		}
	}
	return n
}

func uvarintLen(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// ReadWire reads what AppendWire wrote, and nothing behind it. The alert has its
// hash and fingerprint, and shares no memory with b. Errors: ErrWire,
// ErrWireVersion.
func ReadWire(b []byte) (Alert, error) {
	if len(b) > 0 && b[0] > wireVersion {
		return Alert{}, fmt.Errorf("%w: version %d", ErrWireVersion, b[0])
	}
	if len(b) < wireHead || b[0] != wireVersion || b[1]&^wireTimeout != 0 {
		return Alert{}, fmt.Errorf("%w: head", ErrWire)
	}
	a := Alert{
		Timeout:   b[1]&wireTimeout != 0,
		StartsAt:  int64(binary.LittleEndian.Uint64(b[2:])),
		EndsAt:    int64(binary.LittleEndian.Uint64(b[10:])),
		UpdatedAt: int64(binary.LittleEndian.Uint64(b[18:])),
	}
	generator, rest, ok1 := wireSection(b[wireHead:])
	labels, rest, ok2 := wireSection(rest)
	annotations, rest, ok3 := wireSection(rest)
	if !ok1 || !ok2 || !ok3 || len(rest) > 0 || !utf8.Valid(generator) {
		return Alert{}, fmt.Errorf("%w: sections", ErrWire)
	}
	if len(generator) > 0 {
		a.GeneratorURL = unique.Make(string(generator))
	}
	var err error
	if a.Labels, err = readLabels(labels); err != nil {
		return Alert{}, err
	}
	if err := wirePairs(annotations, func(_, _ []byte) {}); err != nil {
		return Alert{}, err
	}
	a.Annotations = Annotations{packed: string(annotations)}
	a.Hash, a.Fingerprint = a.Labels.Hash(), a.Labels.Fingerprint()
	return a, nil
}

func readLabels(b []byte) (Labels, error) {
	n := 0
	if err := wirePairs(b, func(_, _ []byte) { n++ }); err != nil || n == 0 {
		return nil, err
	}
	ls := make(Labels, 0, n)
	err := wirePairs(b, func(name, value []byte) {
		ls = append(ls, Label{Name: unique.Make(string(name)), Value: unique.Make(string(value))})
	})
	return ls, err
}

// wirePairs goes through packed names and values. The names must ascend, without
// repeats, and all must be valid UTF-8, which the hash of labels rests on.
func wirePairs(b []byte, each func(name, value []byte)) error {
	for last, first := []byte(nil), true; len(b) > 0; first = false {
		name, rest, ok1 := wireSection(b)
		value, rest, ok2 := wireSection(rest)
		switch {
		case !ok1 || !ok2 || !utf8.Valid(name) || !utf8.Valid(value):
			return fmt.Errorf("%w: a name or a value", ErrWire)
		case !first && string(last) >= string(name):
			return fmt.Errorf("%w: names do not ascend", ErrWire)
		}
		each(name, value)
		last, b = name, rest
	}
	return nil
}

// wireSection takes what stands behind its length off the front of b. A length
// in more bytes than it needs is refused, so that there is one form only.
func wireSection(b []byte) (section, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > MaxWireSection || n != uvarintLen(size) || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(size)], b[n+int(size):], true
}

// Sum is a checksum of what an alert says but for its end and its time of
// update: two states of an alert with equal sums differ at most in those.
func (a *Alert) Sum() uint64 {
	var room [512]byte
	b := binary.LittleEndian.AppendUint64(room[:0], a.Fingerprint)
	b = binary.LittleEndian.AppendUint64(b, uint64(a.StartsAt))
	var flags byte
	if a.Timeout {
		flags |= wireTimeout
	}
	b = append(b, flags)
	generator := a.Generator()
	b = binary.LittleEndian.AppendUint64(b, uint64(len(generator)))
	b = append(b, generator...)
	b = append(b, a.Annotations.packed...)
	return xxhash.Sum64(b)
}
