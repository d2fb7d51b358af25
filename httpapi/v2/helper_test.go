package v2_test

import (
	"fmt"
	"slices"
	"strings"
	"unique"

	"tocsin/dispatcher/alert"
)

func sorted(words []string) string {
	slices.Sort(words)
	return strings.Join(words, " ")
}

func alertSymbol(s string) alert.Symbol { return unique.Make(s) }

func fp(labels string) string { return fmt.Sprintf("%016x", labelsOf(labels).Fingerprint()) }
