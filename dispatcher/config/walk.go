package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// walker goes through a document along the tree of known keys.
type walker struct {
	doc *document
	// problems are what it found.
	problems Problems
	// failed are the nodes at or below which there is a problem. Of those,
	// spent have been judged as well as they can be: what holds them is judged
	// without them.
	failed, spent map[*yaml.Node]bool
	// secrets are texts that no problem may show.
	secrets []string
	// templates are the texts that are templates, with where they stand.
	templates []*yaml.Node
}

// place is where the walker is.
type place struct {
	node *yaml.Node
	typ  reflect.Type
	// key is the key that led here, empty in lists.
	key string
	// templated: texts from here on are templates.
	templated bool
}

func newWalker(d *document) *walker {
	return &walker{doc: d, failed: make(map[*yaml.Node]bool), spent: make(map[*yaml.Node]bool)}
}

// give marks a node that is wrong and of no further use.
func (w *walker) give(n *yaml.Node) { w.failed[n], w.spent[n] = true, true }

// complain notes a problem at a node.
func (w *walker) complain(at *yaml.Node, format string, args ...any) {
	w.problems = append(w.problems, w.doc.problem(at, fmt.Sprintf(format, args...)))
}

// visit checks what is at p and below.
func (w *walker) visit(p place) {
	if isSecret(p.typ) && p.node.Kind == yaml.ScalarNode && p.node.Value != "" {
		if p.node.Value == secretMark {
			// Alertmanager takes it for a secret, and then reaches nobody.
			w.complain(p.node, "%s: %s is what is shown in place of a secret; write the secret itself", p.key, secretMark)
		}
		w.secrets = append(w.secrets, p.node.Value)
	}
	if isNull(p.node) {
		return
	}
	before := len(w.problems)
	if w.descends(p) {
		if p.node.Kind == yaml.MappingNode {
			w.mapping(p)
		} else {
			w.list(p)
		}
	}
	w.scalar(p)
	// What Alertmanager reads in its own way is given to it, without what was
	// found wrong below.
	if w.judged(p) {
		w.decodes(p, len(w.problems) == before)
	}
	if len(w.problems) > before {
		w.failed[p.node] = true
		w.spent[p.node] = w.judged(p)
	}
}

// descends reports whether the walker looks at the children of p one by one. A
// list that reads itself is written in another form than its elements' type.
func (w *walker) descends(p place) bool {
	t := base(p.typ)
	switch {
	case t.Kind() == reflect.Interface:
		return p.node.Kind != yaml.ScalarNode
	case p.node.Kind == yaml.MappingNode:
		return t.Kind() == reflect.Map || shapeOf(t) != nil
	case p.node.Kind == yaml.SequenceNode:
		return t.Kind() == reflect.Slice && !readsItself(p.typ)
	default:
		return false
	}
}

// judged reports whether a node is worth reading by itself: what the walker
// does not look into, and types that read themselves. The whole is judged at
// the end.
func (w *walker) judged(p place) bool {
	if p.typ == configType || base(p.typ).Kind() == reflect.Interface {
		return false
	}
	return readsItself(p.typ) || !w.descends(p)
}

func (w *walker) mapping(p place) {
	w.distinct(p.node)
	t := base(p.typ)
	s := shapeOf(t)
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		key, value := p.node.Content[i], p.node.Content[i+1]
		inner := place{node: value, key: key.Value, typ: t, templated: p.templated}
		switch {
		case s != nil:
			if inner.typ = s.typeOf(key.Value); inner.typ == nil {
				w.unknown(key, p.typ)
				continue
			}
			inner.templated = templatedBelow(p, key.Value, inner.typ)
		case t.Kind() == reflect.Map:
			inner.typ = t.Elem()
		}
		w.visit(inner)
	}
}

// templatedBelow reports whether texts under a key are templates.
func templatedBelow(p place, key string, typ reflect.Type) bool {
	switch {
	case base(p.typ) == receiverType:
		_, ok := integrationKey(key)
		return ok
	case base(p.typ) == routeType:
		return key == "labels"
	default:
		return p.templated && !isTransport(typ) && !strings.HasSuffix(key, "_file")
	}
}

func (w *walker) unknown(key *yaml.Node, typ reflect.Type) {
	known := slices.Collect(maps.Keys(shapeOf(base(typ)).keys))
	w.complain(key, "unknown key %s%s", key.Value, didYouMean(key.Value, append(known, ours(typ)...)))
	w.give(key)
}

// distinct complains about keys that stand twice in one mapping.
func (w *walker) distinct(n *yaml.Node) {
	first := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if !w.doc.explicit[key] {
			continue
		}
		if before := first[key.Value]; before != nil {
			w.complain(key, "key %s is in line %d already; keep one of the two", key.Value, before.Line)
			w.give(key)
			continue
		}
		first[key.Value] = key
	}
}

func (w *walker) list(p place) {
	t := base(p.typ)
	elem := t
	if t.Kind() == reflect.Slice {
		elem = t.Elem()
	}
	for _, n := range p.node.Content {
		if isNull(n) && base(elem).Kind() == reflect.Struct && base(elem) != inhibitType {
			w.complain(n, "this entry of %s is empty; fill it in or remove it", orWord(p.key, "the list"))
			w.give(n)
			continue
		}
		w.visit(place{node: n, typ: elem, templated: p.templated})
	}
}

// scalar keeps texts that are templates for the check of templates.
func (w *walker) scalar(p place) {
	if p.node.Kind != yaml.ScalarNode {
		return
	}
	t := base(p.typ)
	text := t.Kind() == reflect.String && (!isSecret(t) || isSecretURL(t)) || t.Kind() == reflect.Interface
	if p.templated && text && strings.Contains(p.node.Value, "{{") {
		w.templates = append(w.templates, p.node)
	}
}
