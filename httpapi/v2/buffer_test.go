package v2_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// reader takes so many pieces of an answer and then is gone.
type reader struct {
	sink
	pieces, deadlines, limit int
}

func (r *reader) SetWriteDeadline(time.Time) error {
	r.deadlines++
	return nil
}

func (r *reader) Write(p []byte) (int, error) {
	if r.pieces++; r.pieces > r.limit {
		return 0, errors.New("connection reset")
	}
	return r.sink.Write(p)
}

func TestLongAnswersAreSentInPieces(t *testing.T) {
	n := newNode(t)
	for i := range 2000 {
		n.put(fmt.Sprintf("alertname=A,instance=host-%d", i))
	}
	r := &reader{sink: sink{header: http.Header{}}, limit: 1000}
	n.handler.ServeHTTP(r, httptest.NewRequest("GET", "/api/v2/alerts", nil))
	if r.pieces < 5 || r.deadlines != r.pieces {
		t.Errorf("%d pieces with %d deadlines of their own", r.pieces, r.deadlines)
	}
	if r.bytes < 500_000 || r.header.Get("Content-Length") != "" {
		t.Errorf("%d bytes, Content-Length %q", r.bytes, r.header.Get("Content-Length"))
	}
	n.disp.asked = 0
	gone := &reader{sink: sink{header: http.Header{}}, limit: 1}
	n.handler.ServeHTTP(gone, httptest.NewRequest("GET", "/api/v2/alerts", nil))
	if gone.pieces > 2 || n.disp.asked > 1000 {
		t.Errorf("%d pieces were sent to a reader who was gone, and %d of 2000 alerts looked at", gone.pieces, n.disp.asked)
	}
}
