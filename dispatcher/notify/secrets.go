package notify

import (
	"net/url"
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

// addSecret adds a secret, and of one that is an address also the part behind
// the host, because servers repeat that in their answers.
func addSecret(v reflect.Value, found map[string]struct{}) {
	text := ""
	switch {
	case v.Kind() == reflect.String:
		text = v.String()
	case v.Kind() == reflect.Struct && v.NumField() > 0:
		// A SecretURL holds a *url.URL.
		if u, ok := v.Field(0).Interface().(*url.URL); ok && u != nil {
			text = u.String()
		}
	}
	found[text] = struct{}{}
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		found[u.RequestURI()] = struct{}{}
	}
}
