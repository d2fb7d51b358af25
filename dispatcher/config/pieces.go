package config

import (
	"fmt"
	"reflect"

	amconfig "github.com/prometheus/alertmanager/config"
	yamlv2 "gopkg.in/yaml.v2"
	"gopkg.in/yaml.v3"
)

var boolType = reflect.TypeFor[bool]()

// truth is what Alertmanager's parser reads a scalar as; it has more words for
// true than newer ones.
func truth(n *yaml.Node) bool {
	text, err := encode(n)
	if err != nil {
		return false
	}
	var b bool
	return yamlv2.Unmarshal(text, &b) == nil && b
}

// pieces has Alertmanager judge the parts of a configuration that are well by
// themselves: first the global settings, then each integration with them, as if
// it were the only one. So everything that an integration lacks is found, not
// only what the first one lacks.
func (w *walker) pieces() {
	key, global := pair(w.doc.root, "global")
	if global != nil {
		if w.failed[global] {
			return
		}
		if err := judgePiece(global, "", nil); err != nil {
			at := blameFor(global, func(n *yaml.Node) error { return judgePiece(n, "", nil) })
			if at == global {
				at = key
			}
			w.complain(at, "%s", explain(err, place{}))
			w.give(global)
			return
		}
	}
	w.eachIntegration(func(list string, entry *yaml.Node) {
		if w.failed[entry] || isNull(entry) {
			return
		}
		err := judgePiece(global, list, entry)
		if err == nil {
			return
		}
		at := blameFor(entry, func(n *yaml.Node) error { return judgePiece(global, list, n) })
		w.complain(at, "%s", explain(err, place{}))
		w.give(entry)
	})
}

// eachIntegration visits the entries of all receivers' lists.
func (w *walker) eachIntegration(visit func(list string, entry *yaml.Node)) {
	for _, r := range elements(lookup(w.doc.root, "receivers")) {
		if r.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(r.Content); i += 2 {
			if _, ok := integrationKey(r.Content[i].Value); !ok || w.failed[r.Content[i]] {
				continue
			}
			for _, entry := range elements(r.Content[i+1]) {
				visit(r.Content[i].Value, entry)
			}
		}
	}
}

// judgePiece loads a configuration of one receiver with the given global
// settings and one integration, either of which may be nil.
func judgePiece(global *yaml.Node, list string, entry *yaml.Node) error {
	at := &yaml.Node{Line: 1, Column: 1}
	key := func(k string) *yaml.Node { return textNode(at, k) }
	receiver := mappingNode(at, key("name"), key("r"))
	if entry != nil {
		receiver.Content = append(receiver.Content, key(list), listNode(at, entry))
	}
	doc := mappingNode(at,
		key("route"), mappingNode(at, key("receiver"), key("r")),
		key("receivers"), listNode(at, receiver))
	if global != nil {
		doc.Content = append(doc.Content, key("global"), global)
	}
	text, err := encode(doc)
	if err != nil {
		return err
	}
	_, err = load(text)
	return err
}

// load is Alertmanager's parser. Its panics are errors: it trusts its input in
// places where it should not.
func load(text []byte) (c *amconfig.Config, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("the parser of Alertmanager breaks on this, most often because a key is missing that another one needs (%v)", p)
		}
	}()
	return amconfig.Load(string(text))
}
