package trace_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"tocsin/dispatcher/trace"
)

// work is what a delivery does with spans.
func work(r *http.Request) context.Context {
	post := trace.StartOf(r, trace.PostAlerts)
	post.Number(trace.Alerts, 3)
	post.End()
	act := trace.Start(nil, trace.Deliver)
	send := trace.Start(act, trace.Send)
	if send.On() {
		send.Text(trace.DeliveryID, r.URL.String())
	}
	send.Flag(trace.Degraded, true)
	send.Failed("no")
	send.End()
	act.End()
	return send.With(r.Context())
}

// TestOff: while nothing is traced spans cost nothing.
func TestOff(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/api/v2/alerts", nil)
	if n := testing.AllocsPerRun(100, func() { work(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if work(r) != r.Context() {
		t.Error("a context has a span although nothing is traced")
	}
}

func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s := trace.Start(nil, trace.Deliver)
		s.Text(trace.Reason, "x")
		s.End()
	}
}
