package alert

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"unique"

	"tocsin/fsm/model"
)

// Symbol is an interned string: equal strings are equal handles, so comparing
// two costs one machine word. The zero Symbol is not a string and must not be
// asked for its Value; the empty string is unique.Make("").
type Symbol = unique.Handle[string]

// Label is a name with its value.
type Label struct{ Name, Value Symbol }

// Labels are an alert's labels: ascending by name, without repeats, immutable.
// The nil slice has no labels.
type Labels []Label

// NewLabels makes Labels of a map. It keeps empty values; an alert's labels
// should have none.
func NewLabels(m map[string]string) Labels {
	if len(m) == 0 {
		return nil
	}
	ls := make(Labels, 0, len(m))
	for n, v := range m {
		ls = append(ls, Label{Name: unique.Make(n), Value: unique.Make(v)})
	}
	slices.SortFunc(ls, func(a, b Label) int { return cmp.Compare(a.Name.Value(), b.Name.Value()) })
	return ls
}

// Get is the value of the label, or the empty string if there is none.
func (ls Labels) Get(name string) string {
	v, _ := ls.Find(name)
	return v
}

// Find is the value of the label, and whether there is one.
func (ls Labels) Find(name string) (string, bool) {
	for _, l := range ls {
		if l.Name.Value() == name {
			return l.Value.Value(), true
		}
	}
	return "", false
}

// Lookup is Find for an interned name: it compares words, not texts.
func (ls Labels) Lookup(name Symbol) (Symbol, bool) {
	for _, l := range ls {
		if l.Name == name {
			return l.Value, true
		}
	}
	return Symbol{}, false
}

// All goes through the labels in ascending order of their names.
func (ls Labels) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, l := range ls {
			if !yield(l.Name.Value(), l.Value.Value()) {
				return
			}
		}
	}
}

// Map is a new map of the labels.
func (ls Labels) Map() map[string]string {
	m := make(map[string]string, len(ls))
	for n, v := range ls.All() {
		m[n] = v
	}
	return m
}

// Equal reports whether both have the same labels.
func (ls Labels) Equal(o Labels) bool { return slices.Equal(ls, o) }

// Fingerprint is the fingerprint that Alertmanager shows for these labels: the
// 64-bit FNV-1a of the names and values.
func (ls Labels) Fingerprint() uint64 { return fingerprint(ls) }

// Hash identifies these labels in the ledger, see model.AlertHash.
func (ls Labels) Hash() model.AlertHash { return hashOf(ls) }

// String is Alertmanager's form: {a="x", b="y"}.
func (ls Labels) String() string {
	b := append(make([]byte, 0, 256), '{')
	for i, l := range ls {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, l.Name.Value()...)
		b = append(b, '=')
		b = strconv.AppendQuote(b, l.Value.Value())
	}
	return string(append(b, '}'))
}
