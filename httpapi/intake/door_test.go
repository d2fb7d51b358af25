package intake_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/dispatcher/alert"
	"tocsin/httpapi/intake"
	"tocsin/httpapi/view"
)

type taken struct{ alerts []alert.Alert }

func (k *taken) Post(a []alert.Alert) alert.PutResult {
	k.alerts = append(k.alerts, a...)
	return alert.PutResult{}
}

func newDoor(reg prometheus.Registerer) (*intake.Door, *taken) {
	k := &taken{}
	return intake.New(intake.Options{
		Decoder: alert.NewDecoder(alert.DecoderOptions{}), Dispatcher: k,
		Config: func() *view.Config { return nil }, Registerer: reg,
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	}), k
}

func request(body io.Reader, length int64) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.ContentLength = length
	return r
}

func TestTakeCounts(t *testing.T) {
	reg := prometheus.NewRegistry()
	door, k := newDoor(reg)
	const body = `[{"labels":{"a":"1"}},{"labels":{"a":"2"},"endsAt":"2020-01-01T00:00:00Z"},{"labels":{}}]`
	for _, r := range []*http.Request{
		request(strings.NewReader(body), int64(len(body))),
		request(iotest.OneByteReader(strings.NewReader(body)), -1),
		request(iotest.DataErrReader(strings.NewReader(body)), 5),
	} {
		batch, err := door.Take(r, "v2")
		if err != nil || len(batch.Alerts) != 2 || len(batch.Invalid) != 1 {
			t.Errorf("got %+v, %v", batch, err)
		}
	}
	if len(k.alerts) != 6 {
		t.Errorf("%d alerts were handed on, want 6", len(k.alerts))
	}
	err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP alertmanager_alerts_invalid_total The total number of received alerts that were invalid.
# TYPE alertmanager_alerts_invalid_total counter
alertmanager_alerts_invalid_total{version="v1"} 0
alertmanager_alerts_invalid_total{version="v2"} 3
# HELP alertmanager_alerts_received_total The total number of received alerts.
# TYPE alertmanager_alerts_received_total counter
alertmanager_alerts_received_total{status="firing",version="v1"} 0
alertmanager_alerts_received_total{status="firing",version="v2"} 6
alertmanager_alerts_received_total{status="resolved",version="v1"} 0
alertmanager_alerts_received_total{status="resolved",version="v2"} 3
`), "alertmanager_alerts_invalid_total", "alertmanager_alerts_received_total")
	if err != nil {
		t.Error(err)
	}
}

func TestTakeRefusesAsAWhole(t *testing.T) {
	door, k := newDoor(nil)
	var bad *alert.BodyError
	if _, err := door.Take(request(strings.NewReader(`[{"labels":{"a":"b"}},`), -1), "v2"); !errors.As(err, &bad) {
		t.Errorf("half a body: got %v", err)
	}
	broken := errors.New("connection reset")
	if _, err := door.Take(request(iotest.ErrReader(broken), 10), "v2"); !errors.Is(err, broken) {
		t.Errorf("a sender who breaks off: got %v", err)
	}
	if len(k.alerts) != 0 {
		t.Errorf("%d alerts were handed on", len(k.alerts))
	}
}

func TestComplaint(t *testing.T) {
	b := &alert.Batch{}
	if got := intake.Complaint(b); got != "" {
		t.Errorf("got %q", got)
	}
	b.Invalid = []error{errors.New("one"), errors.New("two")}
	if got := intake.Complaint(b); got != "one\ntwo" {
		t.Errorf("got %q", got)
	}
	for range 5000 {
		b.Invalid = append(b.Invalid, errors.New("x"))
	}
	if got := intake.Complaint(b); strings.Count(got, "\n") != 1000 || !strings.HasSuffix(got, "\nand 4002 more") {
		t.Errorf("got %d lines, the last %q", strings.Count(got, "\n"), got[len(got)-20:])
	}
}
