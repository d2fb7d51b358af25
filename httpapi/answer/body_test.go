package answer_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"tocsin/httpapi/answer"
)

func TestBodyFault(t *testing.T) {
	for status, err := range map[int]error{
		413: &http.MaxBytesError{Limit: 7}, 503: answer.ErrCrowded, 408: os.ErrDeadlineExceeded,
	} {
		got, sentence, ok := answer.BodyFault(fmt.Errorf("read: %w", err))
		if got != status || sentence == "" || !ok {
			t.Errorf("%v: got %d %q %t", err, got, sentence, ok)
		}
	}
	for _, err := range []error{nil, errors.New("bad JSON")} {
		if _, _, ok := answer.BodyFault(err); ok {
			t.Errorf("%v is none of reading", err)
		}
	}
}

func TestJSON(t *testing.T) {
	w := httptest.NewRecorder()
	answer.JSON(w, http.StatusTeapot, "<secret> & more")
	if w.Code != http.StatusTeapot || w.Body.String() != "\"<secret> & more\"\n" || w.Header().Get("Content-Length") != "18" {
		t.Errorf("got %d %q %v", w.Code, w.Body, w.Header())
	}
	w = httptest.NewRecorder()
	answer.JSON(w, http.StatusOK, func() {})
	if w.Code != http.StatusInternalServerError {
		t.Errorf("what cannot be encoded: got %d %q", w.Code, w.Body)
	}
}
