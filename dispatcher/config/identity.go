package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// identities names the integrations of one receiver, so that the ledger knows
// one again after the configuration has changed.
//
// An identity is the type and a hash of what the entry in the file says about
// where its messages go. Left out are: the place in the list, secrets (a new
// password is the same receiver), texts that are templates (a new wording is the
// same receiver), how to connect, and whether resolved alerts are told.
// Alertmanager's defaults and global settings do not count either, because they
// may change with its version. A secret that is an address, such as that of a
// webhook, does count, as a hash: a new address is somebody who has not been told.
//
// Where two integrations of a type are still the same, both get a hash of all
// that their entries say, and where even that is equal a number.
type identities struct {
	byPlace map[identityPlace]string
}

type identityPlace struct {
	name  string
	index int
}

// identityDigits and twinDigits are how many hexadecimal digits of a hash are
// shown. Few digits of a hash of something secret give nothing of it away.
const (
	identityDigits = 10
	twinDigits     = 4
)

// newIdentities names the integrations of the receiver at a node.
func newIdentities(receiver *yaml.Node) *identities {
	ids := &identities{byPlace: make(map[identityPlace]string)}
	shape := shapeOf(receiverType)
	for i := 0; i+1 < len(receiver.Content); i += 2 {
		list := receiver.Content[i].Value
		name, ok := integrationKey(list)
		if typ := shape.typeOf(list); ok && typ != nil {
			ids.add(name, elements(receiver.Content[i+1]), typ.Elem())
		}
	}
	return ids
}

// of is the identity of the integration at a place.
func (ids *identities) of(name string, index int) string {
	return ids.byPlace[identityPlace{name, index}]
}

func (ids *identities) add(name string, entries []*yaml.Node, typ reflect.Type) {
	bases := make([]string, len(entries))
	count := make(map[string]int)
	for i, e := range entries {
		bases[i] = name + "/" + digest(e, typ, true)[:identityDigits]
		count[bases[i]]++
	}
	same := make(map[string]int)
	for i, e := range entries {
		id := bases[i]
		if count[id] > 1 {
			id += "-" + digest(e, typ, false)[:twinDigits]
		}
		if same[id]++; same[id] > 1 {
			id += "#" + strconv.Itoa(same[id])
		}
		ids.byPlace[identityPlace{name, i}] = id
	}
}

// digest is a hash of what an entry says: of where its messages go, or of all.
func digest(n *yaml.Node, typ reflect.Type, address bool) string {
	var b strings.Builder
	write(&b, n, typ, address)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// write writes an entry in a form that does not depend on the order of keys or
// on how values are quoted.
func write(b *strings.Builder, n *yaml.Node, typ reflect.Type, address bool) {
	switch n.Kind {
	case yaml.MappingNode:
		writeMapping(b, n, typ, address)
	case yaml.SequenceNode:
		elem := typ
		if base(typ).Kind() == reflect.Slice {
			elem = base(typ).Elem()
		}
		b.WriteByte('[')
		for _, e := range n.Content {
			write(b, e, elem, address)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	default:
		value := n.Value
		if base(typ).Kind() == reflect.Bool {
			value = strconv.FormatBool(truth(n))
		}
		if isSecretURL(typ) {
			value = fmt.Sprintf("%x", sha256.Sum256([]byte(value)))
		}
		b.WriteString(strconv.Quote(value))
	}
}

func writeMapping(b *strings.Builder, n *yaml.Node, typ reflect.Type, address bool) {
	t := base(typ)
	s := shapeOf(t)
	b.WriteByte('{')
	for _, i := range sortedKeys(n) {
		key, value := n.Content[i], n.Content[i+1]
		inner := t
		switch {
		case s != nil:
			inner = s.typeOf(key.Value)
		case t.Kind() == reflect.Map:
			inner = t.Elem()
		}
		if inner == nil || address && !isAddress(key.Value, value, inner) {
			continue
		}
		b.WriteString(strconv.Quote(key.Value))
		b.WriteByte(':')
		write(b, value, inner, address)
		b.WriteByte(',')
	}
	b.WriteByte('}')
}

// isAddress reports whether what is under a key says where messages go, as far
// as can be told without knowing what the keys mean.
func isAddress(key string, value *yaml.Node, typ reflect.Type) bool {
	switch {
	case isNull(value), key == "send_resolved", key == "timeout", isTransport(typ):
		return false
	case isSecret(typ):
		return isSecretURL(typ)
	default:
		return value.Kind != yaml.ScalarNode || !strings.Contains(value.Value, "{{")
	}
}
