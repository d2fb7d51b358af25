package alert

import (
	"cmp"
	"unique"
)

// CompareFingerprint orders alerts as GET /alerts lists them.
func CompareFingerprint(a, b *Alert) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) }

// Compare orders alerts as a group lists them, in the API and in messages: by
// job, by instance, then by labels. An alert without the label comes last.
func Compare(a, b *Alert) int {
	for _, name := range [...]Symbol{job, instance} {
		if c := compareOn(name, a.Labels, b.Labels); c != 0 {
			return c
		}
	}
	return CompareLabels(a.Labels, b.Labels)
}

var (
	job      = unique.Make("job")
	instance = unique.Make("instance")
)

func compareOn(name Symbol, a, b Labels) int {
	av, aok := a.Lookup(name)
	bv, bok := b.Lookup(name)
	switch {
	case aok && bok:
		return compareSymbols(av, bv)
	case aok:
		return -1
	case bok:
		return 1
	default:
		return 0
	}
}

// CompareLabels orders label sets as Alertmanager does: fewer labels first;
// then at the first name that differs, the one that has it comes last; then by
// values.
func CompareLabels(a, b Labels) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	for i := range a {
		if c := compareSymbols(b[i].Name, a[i].Name); c != 0 {
			return c
		}
		if c := compareSymbols(a[i].Value, b[i].Value); c != 0 {
			return c
		}
	}
	return 0
}

func compareSymbols(a, b Symbol) int {
	if a == b {
		return 0
	}
	return cmp.Compare(a.Value(), b.Value())
}
