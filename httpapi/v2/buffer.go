package v2

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tocsin/httpapi/answer"
)

// buffer is JSON in the making. Text is appended to it and sent in pieces, so
// that a listing of any length needs little memory and its first bytes leave
// early.
type buffer struct {
	b    []byte
	w    http.ResponseWriter
	rc   *http.ResponseController
	sent bool
	err  error
}

// A piece is sent when it is longer than sendAt. The reader of a piece has
// pieceTimeout to take it.
const (
	sendAt       = 64 << 10
	pieceTimeout = time.Minute
	// room is what a buffer has beyond sendAt, so that it seldom grows: one
	// alert.
	room = 16 << 10
	// maxKept is the size up to which a buffer is kept for reuse.
	maxKept = 1 << 20
)

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, sendAt+room)} }}

// newBuffer is an empty buffer that will answer w. Give it back with finish.
func newBuffer(w http.ResponseWriter) *buffer {
	b, _ := buffers.Get().(*buffer)
	b.b, b.w, b.rc, b.sent, b.err = b.b[:0], w, http.NewResponseController(w), false, nil
	return b
}

// spill sends what is there if it is enough for a piece. It reports whether it
// makes sense to go on: the reader is still there.
func (b *buffer) spill() bool {
	if len(b.b) >= sendAt {
		b.send()
	}
	return b.err == nil
}

// send writes one piece. A status of 200 goes before the first.
func (b *buffer) send() {
	if b.err == nil {
		// Where the writer has no deadlines (behind a timeout of the whole
		// request) that is as good.
		_ = b.rc.SetWriteDeadline(time.Now().Add(pieceTimeout))
		if !b.sent {
			b.w.Header().Set("Content-Type", answer.ContentType)
			b.w.WriteHeader(http.StatusOK)
			b.sent = true
		}
		_, b.err = b.w.Write(b.b)
	}
	b.b = b.b[:0]
}

// finish ends the answer with a newline and gives the buffer back. The error is
// that of a reader who is gone.
func (b *buffer) finish() error {
	b.b = append(b.b, '\n')
	if !b.sent {
		b.w.Header().Set("Content-Length", strconv.Itoa(len(b.b)))
	}
	b.send()
	err := b.err
	b.w, b.rc = nil, nil
	if cap(b.b) <= maxKept {
		buffers.Put(b)
	}
	return err
}

func (b *buffer) raw(s string) { b.b = append(b.b, s...) }

// text appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func (b *buffer) text(s string) {
	// The error says that there were such bytes; the result is good anyway.
	b.b, _ = jsontext.AppendQuote(b.b, s)
}

// texts appends an array of strings.
func (b *buffer) texts(ss []string) {
	b.b = append(b.b, '[')
	for i, s := range ss {
		if i > 0 {
			b.b = append(b.b, ',')
		}
		b.text(s)
	}
	b.b = append(b.b, ']')
}

// moment appends a time in nanoseconds since the Unix epoch as a JSON string,
// in UTC with milliseconds; 0 is the zero time.
func (b *buffer) moment(ns int64) {
	if ns == 0 {
		b.raw(`"0001-01-01T00:00:00.000Z"`)
		return
	}
	b.b = append(b.b, '"')
	b.b = time.Unix(0, ns).UTC().AppendFormat(b.b, "2006-01-02T15:04:05.000Z")
	b.b = append(b.b, '"')
}

const hexDigits = "0123456789abcdef"

// fingerprint appends 16 hexadecimal digits as a JSON string.
func (b *buffer) fingerprint(fp uint64) {
	b.b = append(b.b, '"')
	for shift := 60; shift >= 0; shift -= 4 {
		b.b = append(b.b, hexDigits[fp>>shift&0xf])
	}
	b.b = append(b.b, '"')
}
