package dev

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSinkPrintsWhatItGets(t *testing.T) {
	var out bytes.Buffer
	s := &sink{out: &out, now: func() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"version":"4","status":"firing","receiver":"team","notification_reason":"first notification",
		"alerts":[{"status":"firing","labels":{"severity":"critical","alertname":"DiskFull","instance":"db1"},"annotations":{"summary":"Disk of db1 is full"}},
		{"status":"resolved","labels":{"alertname":"Slow"}}]}`))
	r.Header.Set("Idempotency-Key", "0123456789abcdef")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	want := `
08:00:00  NOTIFICATION FIRING to team (first notification), delivery 0123456789ab
          firing   DiskFull instance=db1 severity=critical: Disk of db1 is full
          resolved Slow
`
	if w.Code != http.StatusOK || out.String() != want {
		t.Errorf("answered %d and printed\n%s, want\n%s", w.Code, out.String(), want)
	}
	w = httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("nonsense")))
	if w.Code != http.StatusBadRequest {
		t.Errorf("nonsense was answered with %d", w.Code)
	}
}
