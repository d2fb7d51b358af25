package config

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// isNull reports whether a node is a null, written or left out.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// indexOf is where a key stands in a mapping's content, or -1.
func indexOf(mapping *yaml.Node, key string) int {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// lookup is the value of a key, or nil; n may be nil or no mapping at all.
func lookup(n *yaml.Node, key string) *yaml.Node {
	_, value := pair(n, key)
	return value
}

// pair is a key and its value, or nil and nil.
func pair(n *yaml.Node, key string) (k, v *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	if i := indexOf(n, key); i >= 0 {
		return n.Content[i], n.Content[i+1]
	}
	return nil, nil
}

// elements are the elements of a list; none for anything else.
func elements(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// setValue sets a key of a mapping.
func setValue(mapping, key, value *yaml.Node) {
	if i := indexOf(mapping, key.Value); i >= 0 {
		mapping.Content[i], mapping.Content[i+1] = key, value
		return
	}
	mapping.Content = append(mapping.Content, key, value)
}

// without is a mapping or list without the child at i: for a mapping the place
// of the key.
func without(n *yaml.Node, i int) *yaml.Node {
	width := 1
	if n.Kind == yaml.MappingNode {
		width = 2
	}
	c := *n
	c.Content = append(append([]*yaml.Node{}, n.Content[:i]...), n.Content[i+width:]...)
	return &c
}

// text makes a scalar that stands where at does.
func textNode(at *yaml.Node, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value, Line: at.Line, Column: at.Column}
}

// mappingNode makes a mapping that stands where at does.
func mappingNode(at *yaml.Node, pairs ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: pairs, Line: at.Line, Column: at.Column}
}

// listNode makes a list that stands where at does.
func listNode(at *yaml.Node, items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: items, Line: at.Line, Column: at.Column}
}

// encode writes a tree as YAML that both generations of the parser read alike:
// plain scalars stay plain, because what they mean is Alertmanager's parser's to
// say, and texts of several lines are quoted, because the rules for blocks are
// where the two differ.
func encode(n *yaml.Node) ([]byte, error) {
	b, err := yaml.Marshal(quoted(n))
	if err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return b, nil
}

func quoted(n *yaml.Node) *yaml.Node {
	c := *n
	if c.Kind == yaml.ScalarNode && (strings.ContainsAny(c.Value, "\n\r\t") || c.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0) {
		c.Style = c.Style&yaml.TaggedStyle | yaml.DoubleQuotedStyle
	}
	c.Style &^= yaml.FlowStyle
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = quoted(child)
	}
	if len(c.Content) == 0 && c.Kind != yaml.ScalarNode {
		c.Style |= yaml.FlowStyle
	}
	return &c
}

// sortedKeys are the places of a mapping's keys in its content, in the order of
// the keys.
func sortedKeys(mapping *yaml.Node) []int {
	var at []int
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		at = append(at, i)
	}
	slices.SortStableFunc(at, func(a, b int) int { return strings.Compare(mapping.Content[a].Value, mapping.Content[b].Value) })
	return at
}

// size counts the nodes of a tree.
func size(n *yaml.Node) int {
	count := 1
	for _, c := range n.Content {
		count += size(c)
	}
	return count
}
