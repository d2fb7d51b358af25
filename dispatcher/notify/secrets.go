package notify

import (
	"reflect"
	"slices"
	"strings"
)

// shortestSecret is the length from which a secret is looked for in texts:
// taking shorter ones out would garble more than it hides.
const shortestSecret = 4

// secretsOf are the texts of all secrets inside a configuration, longest first,
// so that one that contains another goes whole.
func secretsOf(cfg any) []string {
	found := make(map[string]struct{})
	collect(reflect.ValueOf(cfg), found)
	var out []string
	for s := range found {
		if len(s) >= shortestSecret {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return out
}

// collect adds the secrets below v. They are known by their types: upstream
// calls all that it masks Secret, SecretURL or SecretTemplateURL.
func collect(v reflect.Value, found map[string]struct{}) {
	if !v.IsValid() {
		return
	}
	if strings.HasPrefix(v.Type().Name(), "Secret") {
		addSecret(v, found)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		collect(v.Elem(), found)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				collect(v.Field(i), found)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			collect(v.Index(i), found)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			collect(it.Value(), found)
		}
	}
}

func addSecret(v reflect.Value, found map[string]struct{}) {
	if v.Kind() == reflect.String {
		found[v.String()] = struct{}{}
		return
	}
	if v.Kind() != reflect.Struct || v.NumField() == 0 {
		return
	}
	// A SecretURL holds a *url.URL, and is given to the eye only as String.
	if u, ok := v.Field(0).Interface().(interface{ String() string }); ok && !v.Field(0).IsNil() {
		found[u.String()] = struct{}{}
	}
}
