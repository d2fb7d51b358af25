package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"tocsin/httpapi"
)

// Nine bodies of 900 bytes are more than eight of the limit of 1000 together.
func TestBodiesTogetherAreBounded(t *testing.T) {
	n := newNode(t, func(o *httpapi.Options) { o.Web.MaxBodyBytes = 1000 })
	send := func(body io.Reader) *httptest.ResponseRecorder {
		req := httptest.NewRequest("POST", "/api/v2/alerts", body)
		req.ContentLength = -1
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		n.server.Handler().ServeHTTP(w, req)
		return w
	}
	part := "[" + strings.Repeat(" ", 899)
	var wg sync.WaitGroup
	var ends []*io.PipeWriter
	for range 8 {
		in, out := io.Pipe()
		ends = append(ends, out)
		wg.Go(func() {
			defer in.Close() // or a sender who was refused would be waited for
			if w := send(in); w.Code != http.StatusOK {
				t.Errorf("a slow sender: got %d %s", w.Code, w.Body)
			}
		})
		// The empty write is taken by the read after the one that took the
		// first, which has then been counted.
		for _, text := range []string{part, ""} {
			if _, err := io.WriteString(out, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := send(strings.NewReader(part + "]"))
	if w.Code != http.StatusServiceUnavailable || !strings.HasPrefix(w.Body.String(), `{"code":503,"message":"too many large requests`) {
		t.Errorf("one too many: got %d %s", w.Code, w.Body)
	}
	for _, out := range ends {
		_, _ = io.WriteString(out, "]")
		_ = out.Close()
	}
	wg.Wait()
	if w := send(strings.NewReader(part + "]")); w.Code != http.StatusOK {
		t.Errorf("afterwards: got %d %s", w.Code, w.Body)
	}
}
