package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	"gopkg.in/yaml.v3"
)

// secretMark is what Alertmanager shows in place of a secret.
const secretMark = "<secret>"

// shortestSecret is the length from which a secret is taken out of messages:
// shorter ones would garble more than they hide.
const shortestSecret = 4

// masked is a message without secrets.
func (w *walker) masked(message string) string {
	for _, s := range w.secrets {
		for _, form := range []string{s, strings.Trim(fmt.Sprintf("%q", s), `"`)} {
			if len(form) >= shortestSecret {
				message = strings.ReplaceAll(message, form, secretMark)
			}
		}
	}
	return message
}

// maskedText is the configuration as Alertmanager shows it. Where its own parser
// does not read that back (filling in a Slack token leaves settings that it
// forbids), it is the text as it was written, with the secrets masked.
func maskedText(c *amconfig.Config, d *document) string {
	text := c.String()
	if _, err := load([]byte(text)); err == nil {
		return text
	}
	written, err := encode(maskedNode(d.root, configType))
	if err != nil {
		return text
	}
	return string(written)
}

// maskedNode is a copy of a node with the secrets replaced.
func maskedNode(n *yaml.Node, typ reflect.Type) *yaml.Node {
	if isSecret(typ) && n.Kind == yaml.ScalarNode && n.Value != "" {
		return textNode(n, secretMark)
	}
	c := *n
	c.Content = slices.Clone(n.Content)
	t := base(typ)
	switch s := shapeOf(t); {
	case c.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, e := range c.Content {
			c.Content[i] = maskedNode(e, t.Elem())
		}
	case c.Kind == yaml.MappingNode && t.Kind() == reflect.Map:
		for i := 1; i < len(c.Content); i += 2 {
			c.Content[i] = maskedNode(c.Content[i], t.Elem())
		}
	case c.Kind == yaml.MappingNode && s != nil:
		for i := 0; i+1 < len(c.Content); i += 2 {
			if inner := s.typeOf(c.Content[i].Value); inner != nil {
				c.Content[i+1] = maskedNode(c.Content[i+1], inner)
			}
		}
	}
	return &c
}
