package route

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode"

	"github.com/prometheus/alertmanager/pkg/labels"

	"tocsin/dispatcher/alert"
)

// test is one matcher in the form that is quickest to ask. Exactly one of its
// ways is used, told by how.
type test struct {
	name   alert.Symbol
	how    how
	negate bool

	value    alert.Symbol
	literals map[alert.Symbol]struct{}
	prefix   string
	regexp   *regexp.Regexp
	// empty says whether a label that is not there matches, before negate.
	empty bool
}

type how uint8

const (
	howEqual how = iota
	howOneOf
	howPrefix
	howRegexp
)

// compile makes the test of a matcher.
func compile(m *labels.Matcher) test {
	t := test{
		name:   intern(m.Name),
		negate: m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp,
	}
	if m.Type == labels.MatchEqual || m.Type == labels.MatchNotEqual {
		t.how, t.value, t.empty = howEqual, intern(m.Value), m.Value == ""
		return t
	}
	anchored := "^(?:" + m.Value + ")$"
	// NewMatcher has compiled the same text, so neither call can fail.
	t.regexp = regexp.MustCompile(anchored)
	t.empty = t.regexp.MatchString("")
	t.how = howRegexp
	tree, err := syntax.Parse(m.Value, syntax.Perl)
	if err != nil {
		return t
	}
	if prefix, ok := prefixOf(tree.Simplify()); ok {
		t.how, t.prefix = howPrefix, prefix
	} else if texts, ok := literalsOf(tree.Simplify()); ok {
		t.how, t.literals = howOneOf, make(map[alert.Symbol]struct{}, len(texts))
		for _, s := range texts {
			t.literals[intern(s)] = struct{}{}
		}
	}
	return t
}

func (t *test) matches(ls alert.Labels) bool {
	v, ok := ls.Lookup(t.name)
	if !ok {
		return t.empty != t.negate
	}
	var hit bool
	switch t.how {
	case howEqual:
		hit = v == t.value
	case howOneOf:
		_, hit = t.literals[v]
	case howPrefix:
		s := v.Value()
		hit = strings.HasPrefix(s, t.prefix) && strings.IndexByte(s[len(t.prefix):], '\n') < 0
	default:
		hit = t.regexp.MatchString(v.Value())
	}
	return hit != t.negate
}

// prefixOf is the literal text before a closing ".*", where that is all there
// is to an expression.
func prefixOf(re *syntax.Regexp) (string, bool) {
	switch {
	case anything(re):
		return "", true
	case re.Op == syntax.OpCapture:
		return prefixOf(re.Sub[0])
	case re.Op == syntax.OpConcat && len(re.Sub) == 2 && literal(re.Sub[0]) && anything(re.Sub[1]):
		return string(re.Sub[0].Rune), true
	default:
		return "", false
	}
}

// anything is ".*" without the flag that lets the dot match line ends.
func anything(re *syntax.Regexp) bool {
	return re.Op == syntax.OpStar && re.Sub[0].Op == syntax.OpAnyCharNotNL
}

// literal is a text to be found as it stands. The replacement character is left
// to the regexp package: there it also matches bytes that are not UTF-8.
func literal(re *syntax.Regexp) bool {
	return re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0 && !strings.ContainsRune(string(re.Rune), unicode.ReplacementChar)
}

// maxLiterals bounds how many texts an expression is written out to.
const maxLiterals = 64

// literalsOf are all texts that an expression matches, where they are few.
func literalsOf(re *syntax.Regexp) ([]string, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, literal(re)
	case syntax.OpCharClass:
		return classOf(re)
	case syntax.OpCapture:
		return literalsOf(re.Sub[0])
	case syntax.OpQuest:
		texts, ok := literalsOf(re.Sub[0])
		return append(texts, ""), ok
	case syntax.OpAlternate:
		return alternatesOf(re.Sub)
	case syntax.OpConcat:
		return concatsOf(re.Sub)
	default:
		return nil, false
	}
}

func classOf(re *syntax.Regexp) ([]string, bool) {
	var texts []string
	for i := 0; i+1 < len(re.Rune); i += 2 {
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			if len(texts) == maxLiterals || r == unicode.ReplacementChar {
				return nil, false
			}
			texts = append(texts, string(r))
		}
	}
	return texts, true
}

func alternatesOf(subs []*syntax.Regexp) ([]string, bool) {
	var texts []string
	for _, sub := range subs {
		more, ok := literalsOf(sub)
		if !ok || len(texts)+len(more) > maxLiterals {
			return nil, false
		}
		texts = append(texts, more...)
	}
	return texts, true
}

func concatsOf(subs []*syntax.Regexp) ([]string, bool) {
	texts := []string{""}
	for _, sub := range subs {
		tails, ok := literalsOf(sub)
		if !ok || len(texts)*len(tails) > maxLiterals {
			return nil, false
		}
		longer := make([]string, 0, len(texts)*len(tails))
		for _, head := range texts {
			for _, tail := range tails {
				longer = append(longer, head+tail)
			}
		}
		texts = longer
	}
	return texts, true
}
