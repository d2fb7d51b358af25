package notify

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// idempotencyKey is the header that carries the delivery ID.
const idempotencyKey = "Idempotency-Key"

// recorder is the round tripper before all of an integration's requests. It adds
// the marks of the delivery and notes the answers.
type recorder struct {
	next http.RoundTripper
	// header adds Idempotency-Key, body adds our fields to a JSON object.
	header, body bool
	// current is the exchange of requests that come without one, because their
	// notifier drops its context. It is set only while sends take turns.
	current *atomic.Pointer[exchange]
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchangeOf(req.Context())
	if x == nil {
		if x = r.current.Load(); x == nil {
			return r.next.RoundTrip(req)
		}
		// With the context of the send the request ends when the send must.
		req = req.WithContext(x.ctx)
	}
	req, err := r.mark(req, x)
	if err != nil {
		return nil, err
	}
	resp, err := r.next.RoundTrip(x.guard(req))
	if err == nil {
		x.note(resp, time.Now())
	}
	return resp, err
}

// mark is req with the marks of the delivery. A round tripper must leave the
// request that it is given alone, so it is a copy where anything is added.
func (r *recorder) mark(req *http.Request, x *exchange) (*http.Request, error) {
	if x.id == "" || !r.header && !r.body {
		return req, nil
	}
	marked := req.Clone(req.Context())
	if r.header {
		marked.Header.Set(idempotencyKey, x.id)
	}
	if !r.body || req.Body == nil {
		return marked, nil
	}
	text, err := io.ReadAll(req.Body)
	if closeErr := req.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	text = withFields(text, x.id, x.degraded)
	marked.ContentLength = int64(len(text))
	marked.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	marked.Body = io.NopCloser(bytes.NewReader(text))
	return marked, nil
}

// withFields is a JSON object with our fields at its end. A text that is not an
// object stays as it is.
func withFields(text []byte, id string, degraded bool) []byte {
	if degraded {
		text = withoutQuorum(text)
	}
	end := bytes.LastIndexByte(text, '}')
	if end < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	out = append(out, text[:end]...)
	out = append(out, `,"deliveryId":`...)
	out = strconv.AppendQuote(out, id)
	if degraded {
		out = append(out, `,"degraded":true`...)
	}
	return append(out, text[end:]...)
}

// withoutQuorum is Alertmanager's default body with a reason that says that there
// was no quorum. The reason follows the list of alerts; no label of that name
// follows a list.
func withoutQuorum(text []byte) []byte {
	const field, more = `],"notification_reason":"`, " (sent without a quorum)"
	at := bytes.Index(text, []byte(field))
	if at < 0 {
		return text
	}
	at += len(field)
	end := bytes.IndexByte(text[at:], '"')
	if end < 0 {
		return text
	}
	return slices.Concat(text[:at+end], []byte(more), text[at+end:])
}
