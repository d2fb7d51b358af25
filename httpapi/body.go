package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"tocsin/httpapi/admin"
	"tocsin/httpapi/answer"
)

// bodies bounds what requests may bring: each body, and all bodies that are
// being worked on together. Slow senders cost little of the second bound,
// because a body counts by what of it has arrived.
type bodies struct {
	one, all int64
	held     atomic.Int64
}

// bodiesAtOnce is how many of the largest bodies may be held together.
const bodiesAtOnce = 8

func newBodies(limit int64) *bodies {
	return &bodies{one: limit, all: bodiesAtOnce * limit}
}

func (b *bodies) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody || strings.HasSuffix(r.URL.Path, admin.Path+admin.RestorePath) {
			next.ServeHTTP(w, r)
			return
		}
		if r.ContentLength > b.one {
			w.Header().Set("Connection", "close")
			http.Error(w, fmt.Sprintf("The request's body has %d bytes; the limit is %d.", r.ContentLength, b.one),
				http.StatusRequestEntityTooLarge)
			return
		}
		body := &boundedBody{ReadCloser: http.MaxBytesReader(w, r.Body, b.one), bounds: b}
		defer body.release()
		r.Body = body
		next.ServeHTTP(w, r)
	})
}

// boundedBody counts what was read of one body. It belongs to the goroutine
// that serves the request.
type boundedBody struct {
	io.ReadCloser
	bounds *bodies
	read   int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if n > 0 && b.bounds.held.Add(int64(n)) > b.bounds.all {
		return n, answer.ErrCrowded
	}
	return n, err
}

func (b *boundedBody) release() { b.bounds.held.Add(-b.read) }
