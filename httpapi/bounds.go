package httpapi

import (
	"net/http"
	"strings"
)

// Bounds of a query. Filters are short; a query beyond these is a mistake or
// an attack.
const (
	maxQueryBytes  = 32 << 10
	maxQueryParams = 512
)

func boundQuery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.RawQuery; {
		case len(q) > maxQueryBytes:
			http.Error(w, "The query is longer than 32 KiB.", http.StatusRequestURITooLong)
		case strings.Count(q, "&") >= maxQueryParams:
			http.Error(w, "The query has more than 512 parameters.", http.StatusBadRequest)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
