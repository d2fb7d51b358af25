package httpapi

import (
	"strings"
)

// below is path without prefix, or "" if it does not lie below it.
func below(prefix, path string) string {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return ""
	}
	return rest
}
