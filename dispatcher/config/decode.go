package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	yamlv2 "gopkg.in/yaml.v2"
	"gopkg.in/yaml.v3"
)

// decodes reads a node as its type with Alertmanager's parser, and complains at
// the smallest part that is to blame. Where not all of the node is well, what is
// not is left out; then only a complaint that some part is to blame for counts,
// because something may be missing only for having been left out.
func (w *walker) decodes(p place, whole bool) {
	n := aloneOf(p)
	if !whole {
		n = w.pruned(n)
	}
	judge := func(n *yaml.Node) error { return decode(n, p.typ) }
	err := judge(n)
	if err == nil || !w.descends(p) && w.entries(n, p, judge) {
		return
	}
	at := blameFor(n, judge)
	if at == n && !whole {
		return
	}
	w.complain(at, "%s", explain(err, p))
}

// entries judges the entries of a list each alone, and reports whether it found
// what is wrong with the list that way.
func (w *walker) entries(n *yaml.Node, p place, judge func(*yaml.Node) error) bool {
	found := false
	for _, e := range elements(n) {
		if err := judge(listNode(e, e)); err != nil && judge(listNode(e)) == nil {
			w.complain(e, "%s", explain(err, p))
			found = true
		}
	}
	return found
}

// aloneOf is what is at p without the lists of entries that read themselves, as
// a route's routes and a receiver's integrations: each of those is judged by
// itself, and reading them again with all that holds them would take time that
// grows with the depth.
func aloneOf(p place) *yaml.Node {
	s := shapeOf(base(p.typ))
	if s == nil || p.node.Kind != yaml.MappingNode {
		return p.node
	}
	c := *p.node
	c.Content = nil
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		t := s.typeOf(p.node.Content[i].Value)
		if t != nil && t.Kind() == reflect.Slice && readsItself(t.Elem()) && base(t.Elem()).Kind() == reflect.Struct {
			continue
		}
		c.Content = append(c.Content, p.node.Content[i:i+2]...)
	}
	return &c
}

// pruned is n without what has problems of its own.
func (w *walker) pruned(n *yaml.Node) *yaml.Node {
	width := 1
	if n.Kind == yaml.MappingNode {
		width = 2
	}
	c := *n
	c.Content = nil
	for i := 0; i+width <= len(n.Content); i += width {
		key, value := n.Content[i], n.Content[i+width-1]
		if w.spent[key] || w.spent[value] {
			continue
		}
		c.Content = append(c.Content, n.Content[i:i+width]...)
		if w.failed[value] {
			c.Content[len(c.Content)-1] = w.pruned(value)
		}
	}
	return &c
}

// decode reads a node as a value of a type. A panic of the reader is an error.
func decode(n *yaml.Node, t reflect.Type) (err error) {
	text, err := encode(n)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the parser of Alertmanager breaks on this, most often because a key is missing that another one needs (%v)", p)
		}
	}()
	return yamlv2.UnmarshalStrict(text, reflect.New(t).Interface())
}

// blame finds the smallest part of a text that is to blame for an error.
type blame struct {
	judge func(*yaml.Node) error
	// cost is how many nodes one judgement reads, and left how many may still
	// be read in all: to try every part of a large text takes time that grows
	// with the square of its size.
	cost, left int
}

// blameEffort is how many nodes a blame may read in all.
const blameEffort = 1 << 17

// blameFor finds the part of n that is to blame for its failing judge, as part
// says.
func blameFor(n *yaml.Node, judge func(*yaml.Node) error) *yaml.Node {
	return (&blame{judge: judge, cost: size(n), left: blameEffort}).part(n)
}

// gone reports whether the error is gone from n, as far as there is effort left
// to find out.
func (b *blame) gone(n *yaml.Node) bool {
	b.left -= b.cost
	return b.left >= 0 && b.judge(n) == nil
}

// part is the smallest part of n without which the error is gone: the last such
// key or entry, because of two that contradict each other the later is the one
// to look at. Where no part alone is to blame (something is missing) it is n
// itself. A key is answered rather than its value where the value has no parts.
func (b *blame) part(n *yaml.Node) *yaml.Node {
	width := 1
	if n.Kind == yaml.MappingNode {
		width = 2
	}
	for i := len(n.Content) - width; i >= 0; i -= width {
		if !b.gone(without(n, i)) {
			continue
		}
		whole := n.Content[i+width-1]
		outer := b.judge
		b.judge = func(smaller *yaml.Node) error {
			c := *n
			c.Content = append([]*yaml.Node{}, n.Content...)
			c.Content[i+width-1] = smaller
			return outer(&c)
		}
		inner := b.part(whole)
		b.judge = outer
		if inner == whole {
			return n.Content[i]
		}
		return inner
	}
	return n
}

var (
	parserPrefix = regexp.MustCompile(`(?m)^\s*(yaml: )?(unmarshal errors:)?\s*(line \d+: )?`)
	wrongKind    = regexp.MustCompile("^cannot unmarshal !!(\\w+)(?: `(?s:.*)`)? into ")
)

// kinds are the parser's names for what is written, in plain words.
var kinds = map[string]string{
	"str": "a text", "int": "a number", "float": "a number", "bool": "true or false",
	"map": "keys with values", "seq": "a list", "null": "nothing", "timestamp": "a date",
}

// explain is a parser's error in words for whoever wrote the text.
func explain(err error, p place) string {
	text := strings.TrimSpace(parserPrefix.ReplaceAllString(err.Error(), ""))
	if m := wrongKind.FindStringSubmatch(text); m != nil {
		text = "this may not be " + orWord(kinds[m[1]], "what it is")
		if p.typ != nil {
			text = fmt.Sprintf("needs %s, not %s", wanted(p.typ), orWord(kinds[m[1]], "this"))
		}
		return named(p.key, text)
	}
	if p.typ != nil && base(p.typ).Name() == "Duration" {
		text += "; write " + wanted(p.typ)
	}
	return named(p.key, text)
}

func named(key, text string) string {
	if key == "" {
		return text
	}
	return key + ": " + text
}

func orWord(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
