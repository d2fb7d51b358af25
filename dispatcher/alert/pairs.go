package alert

import (
	"bytes"
	"fmt"
	"slices"
	"unique"

	"github.com/cespare/xxhash/v2"

	"tocsin/fsm/model"
)

// pairs are names with their values as they are read from a body. Its memory is
// used again for the next alert.
type pairs struct {
	// text has the name, a separator, the value, a separator, of each pair.
	text  []byte
	spans []span
	// spare is room for normalize.
	spare []byte
}

// span is where a pair is in the text: its name begins at start, its value at
// middle, the next pair at end.
type span struct{ start, middle, end int }

// The ways to normalize: Alertmanager drops labels without a value and keeps
// annotations without one.
const (
	dropEmpty = true
	keepEmpty = false
)

func (p *pairs) reset() { p.text, p.spans = p.text[:0], p.spans[:0] }

func (p *pairs) len() int { return len(p.spans) }

// add notes the pair that ends where the text ends.
func (p *pairs) add(start, middle int) {
	p.spans = append(p.spans, span{start, middle, len(p.text)})
}

func (p *pairs) name(s span) []byte  { return p.text[s.start : s.middle-1] }
func (p *pairs) value(s span) []byte { return p.text[s.middle : s.end-1] }

// normalize brings the pairs in ascending order of their names, keeps the last
// of those with equal names, and drops empty values if it should. Afterwards
// text has the pairs in their order and nothing else.
func (p *pairs) normalize(drop bool) {
	if p.isNormal(drop) {
		return
	}
	slices.SortStableFunc(p.spans, func(a, b span) int { return bytes.Compare(p.name(a), p.name(b)) })
	out, kept := p.spare[:0], p.spans[:0]
	for i, s := range p.spans {
		if i+1 < len(p.spans) && bytes.Equal(p.name(s), p.name(p.spans[i+1])) {
			continue
		}
		if drop && len(p.value(s)) == 0 {
			continue
		}
		start := len(out)
		out = append(out, p.text[s.start:s.end]...)
		kept = append(kept, span{start, start + s.middle - s.start, len(out)})
	}
	p.text, p.spare, p.spans = out, p.text, kept
}

// isNormal reports whether there is nothing to normalize. Prometheus sends
// labels in order, so this is the rule. After a null that took earlier pairs
// back the text still begins with the first span.
func (p *pairs) isNormal(drop bool) bool {
	for i, s := range p.spans {
		if drop && len(p.value(s)) == 0 {
			return false
		}
		if i > 0 && bytes.Compare(p.name(p.spans[i-1]), p.name(s)) >= 0 {
			return false
		}
	}
	return true
}

// hash is the hash of Labels with these pairs, which are normal.
func (p *pairs) hash() model.AlertHash { return model.AlertHash(xxhash.Sum64(p.text)) }

// fingerprint is the fingerprint of Labels with these pairs, which are normal.
func (p *pairs) fingerprint() uint64 {
	sum := uint64(fnvOffset)
	for _, b := range p.text {
		sum = (sum ^ uint64(b)) * fnvPrime
	}
	return sum
}

// equal reports whether ls has exactly these pairs, which are normal.
func (p *pairs) equal(ls Labels) bool {
	if len(p.spans) != len(ls) {
		return false
	}
	for i, s := range p.spans {
		if string(p.value(s)) != ls[i].Value.Value() || string(p.name(s)) != ls[i].Name.Value() {
			return false
		}
	}
	return true
}

// validate finds the first name that is not allowed. Values need no look: they
// were made valid UTF-8 when they were read.
func (p *pairs) validate(valid func(string) bool) error {
	for _, s := range p.spans {
		if n := string(p.name(s)); !valid(n) {
			return fmt.Errorf("invalid name %q", n)
		}
	}
	return nil
}

// intern makes Labels.
func (p *pairs) intern() Labels {
	ls := make(Labels, len(p.spans))
	for i, s := range p.spans {
		ls[i] = Label{
			Name:  unique.Make(string(p.name(s))),
			Value: unique.Make(string(p.value(s))),
		}
	}
	return ls
}

// pack adds the pairs to dst in the form of Annotations.
func (p *pairs) pack(dst []byte) []byte {
	for _, s := range p.spans {
		dst = appendPacked(dst, p.name(s), p.value(s))
	}
	return dst
}
