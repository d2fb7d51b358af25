package config

import (
	"maps"
	"reflect"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	amcommon "github.com/prometheus/alertmanager/config/common"
)

// The types that the tree of known keys is read off.
var (
	configType   = reflect.TypeFor[amconfig.Config]()
	receiverType = reflect.TypeFor[amconfig.Receiver]()
	routeType    = reflect.TypeFor[amconfig.Route]()
	mailType     = reflect.TypeFor[amconfig.EmailConfig]()
	inhibitType  = reflect.TypeFor[amcommon.InhibitRule]()
)

// unmarshaler is what types implement that read their YAML themselves.
type unmarshaler interface {
	UnmarshalYAML(unmarshal func(any) error) error
}

var unmarshalerType = reflect.TypeFor[unmarshaler]()

// readsItself reports whether values of a type read their YAML themselves.
func readsItself(t reflect.Type) bool {
	return t.Implements(unmarshalerType) || reflect.PointerTo(t).Implements(unmarshalerType)
}

// base is t without its pointers.
func base(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// shape is how a struct type is written: its keys with their types, and the type
// of values under any other key, or nil if there may be none.
type shape struct {
	keys map[string]reflect.Type
	rest reflect.Type
}

// shapeOf is nil if a type shows no keys and so cannot be looked into.
func shapeOf(t reflect.Type) *shape {
	if t.Kind() != reflect.Struct {
		return nil
	}
	s := &shape{keys: make(map[string]reflect.Type)}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("yaml")
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case !f.IsExported() || !tagged || name == "-":
		case strings.Contains(options, "inline"):
			s.inline(base(f.Type))
		case name == "":
			s.keys[strings.ToLower(f.Name)] = f.Type
		default:
			s.keys[name] = f.Type
		}
	}
	if len(s.keys) == 0 && s.rest == nil {
		return nil
	}
	return s
}

// inline takes in the keys of a type whose values are written without a key of
// their own.
func (s *shape) inline(t reflect.Type) {
	if t.Kind() == reflect.Map {
		s.rest = t.Elem()
		return
	}
	if inner := shapeOf(t); inner != nil {
		maps.Copy(s.keys, inner.keys)
		if inner.rest != nil {
			s.rest = inner.rest
		}
	}
}

// typeOf is the type of what is written under a key, or nil if the key is not
// known.
func (s *shape) typeOf(key string) reflect.Type {
	if t, ok := s.keys[key]; ok {
		return t
	}
	return s.rest
}

// isSecret reports whether upstream masks values of a type: it calls all such
// types Secret, SecretURL or SecretTemplateURL.
func isSecret(t reflect.Type) bool { return strings.HasPrefix(base(t).Name(), "Secret") }

// isSecretURL reports whether a type is an address that is secret, such as that
// of a webhook.
func isSecretURL(t reflect.Type) bool { return isSecret(t) && base(t).Name() != "Secret" }

// isTransport reports whether a type says how to connect, not what to tell:
// those of the HTTP and TLS settings and of AWS's signatures.
func isTransport(t reflect.Type) bool {
	path := base(t).PkgPath()
	return strings.HasSuffix(path, "prometheus/common/config") || strings.HasSuffix(path, "prometheus/sigv4")
}

// integrationKey is the type of integration that a receiver's key lists.
func integrationKey(key string) (name string, ok bool) { return strings.CutSuffix(key, "_configs") }

// wanted says in plain words what a type is written as.
func wanted(t reflect.Type) string {
	t = base(t)
	switch {
	case t.Name() == "Duration" && t.PkgPath() != "":
		return "a duration such as 30s, 5m or 4h"
	case isSecretURL(t) || t.Name() == "URL":
		return "a URL such as https://example.com/path"
	case t.Name() == "HostPort":
		return "an address such as mail.example.com:587"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "keys with values"
	default:
		return "something else"
	}
}
