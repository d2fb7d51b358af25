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
	n := p.node
	if !whole {
		n = w.pruned(n)
	}
	judge := func(n *yaml.Node) error { return decode(n, p.typ) }
	err := judge(n)
	if err == nil || !w.descends(p) && w.entries(n, p, judge) {
		return
	}
	at := blame(n, judge)
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
			err = fmt.Errorf("the parser of Alertmanager cannot cope with this: %v", p)
		}
	}()
	return yamlv2.UnmarshalStrict(text, reflect.New(t).Interface())
}

// blame finds the smallest part of n without which the error is gone: the last
// such key or entry, because of two that contradict each other the later is the
// one to look at. Where no part alone is to blame (something is missing) it is n
// itself. A key is answered rather than its value where the value has no parts.
func blame(n *yaml.Node, judge func(*yaml.Node) error) *yaml.Node {
	width := 1
	if n.Kind == yaml.MappingNode {
		width = 2
	}
	if n.Kind == yaml.ScalarNode {
		return n
	}
	for i := len(n.Content) - width; i >= 0; i -= width {
		if judge(without(n, i)) != nil {
			continue
		}
		part := n.Content[i+width-1]
		inner := blame(part, func(smaller *yaml.Node) error {
			c := *n
			c.Content = append([]*yaml.Node{}, n.Content...)
			c.Content[i+width-1] = smaller
			return judge(&c)
		})
		if inner == part {
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
