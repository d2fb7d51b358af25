package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	amconfig "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/notify/webhook"
	"github.com/prometheus/common/promslog"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/notify"
)

// request is what a sink was sent.
type request struct {
	path, body string
	header     http.Header
}

// sink is an HTTP server that keeps what it is sent and answers as it is told.
type sink struct {
	*httptest.Server

	mu       sync.Mutex
	requests []request
	answer   http.HandlerFunc
}

func newSink(t *testing.T, answer http.HandlerFunc) *sink {
	t.Helper()
	s := &sink{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, request{path: r.URL.Path, body: string(body), header: r.Header})
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
	}
}

func (s *sink) take() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

func webhookYAML(entry string) string {
	return "route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [" + entry + "]}]\n"
}

// TestWebhookIsAlertmanagers: but for the fields of ours at its end, the body is
// Alertmanager's to the byte, and so are the headers but for one.
func TestWebhookIsAlertmanagers(t *testing.T) {
	for _, more := range []string{"", ", max_alerts: 1"} {
		s := newSink(t, nil)
		text := webhookYAML("{url: '" + s.URL + "/x{{ .GroupLabels.alertname }}'" + more + "}")
		if r := build(t, text, config.Options{})[0].Send(t.Context(), message()); r.Err != nil || r.Status != 200 {
			t.Fatal(r)
		}
		ours := s.take()[0]
		c, err := amconfig.Load(text)
		if err != nil {
			t.Fatal(err)
		}
		n, err := webhook.New(c.Receivers[0].WebhookConfigs[0], upstreamTemplate(t), promslog.NewNopLogger())
		if err != nil {
			t.Fatal(err)
		}
		ctx, alerts := upstreamMessage(t.Context())
		if _, err := n.Notify(ctx, alerts...); err != nil {
			t.Fatal(err)
		}
		theirs := s.take()[0]
		const field = `,"deliveryId":"0123456789abcdef0123456789abcdef"`
		if want := strings.Replace(theirs.body, "}\n", field+"}\n", 1); ours.body != want || ours.path != theirs.path {
			t.Errorf("the body is\n%s\nwant\n%s", ours.body, want)
		}
		if got := ours.header.Get("Idempotency-Key"); got != "0123456789abcdef0123456789abcdef" {
			t.Errorf("Idempotency-Key is %q", got)
		}
		ours.header.Del("Idempotency-Key")
		ours.header.Del("Content-Length")
		theirs.header.Del("Content-Length")
		if fmt.Sprint(ours.header) != fmt.Sprint(theirs.header) || !strings.HasPrefix(ours.header.Get("User-Agent"), "Alertmanager/") {
			t.Errorf("headers are %v, want %v", ours.header, theirs.header)
		}
	}
}

// TestWebhookMarks: who sees the delivery ID, and who sees that there was no
// quorum.
func TestWebhookMarks(t *testing.T) {
	s := newSink(t, nil)
	send := func(entry string, change func(*notify.Message)) request {
		m := message()
		change(m)
		if r := build(t, webhookYAML("{url: '"+s.URL+"'"+entry+"}"), config.Options{})[0].Send(t.Context(), m); r.Err != nil {
			t.Fatal(r.Err)
		}
		return s.take()[0]
	}
	degraded := send("", func(m *notify.Message) { m.Degraded = true })
	var body map[string]any
	if err := json.Unmarshal([]byte(degraded.body), &body); err != nil || body["degraded"] != true || body["deliveryId"] == nil ||
		body["notification_reason"] != "new alerts added (sent without a quorum)" {
		t.Errorf("%v: the body is %s", err, degraded.body)
	}
	if plain := send("", func(m *notify.Message) { m.DeliveryID = "" }); plain.header.Get("Idempotency-Key") != "" || strings.Contains(plain.body, "deliveryId") {
		t.Errorf("without a delivery ID the request is %v", plain)
	}
	own := send(", payload: {mine: '{{ .Status }}'}", func(*notify.Message) {})
	if own.body != `{"mine":"firing"}`+"\n" || own.header.Get("Idempotency-Key") == "" {
		t.Errorf("with a payload of one's own the request is %v", own)
	}
	set := send(", http_config: {http_headers: {Idempotency-Key: {values: [mine]}}}", func(*notify.Message) {})
	if set.header.Get("Idempotency-Key") != "mine" {
		t.Errorf("a header that the configuration sets is %q", set.header.Get("Idempotency-Key"))
	}
}

// TestSendResolved: as in Alertmanager an integration that wants no resolved
// alerts is not sent any, and is sent nothing where nothing else is left.
func TestSendResolved(t *testing.T) {
	s := newSink(t, nil)
	i := build(t, webhookYAML("{url: '"+s.URL+"', send_resolved: false}"), config.Options{})[0]
	if r := i.Send(t.Context(), message()); r.Err != nil || r.Skipped {
		t.Fatal(r)
	}
	if body := s.take()[0].body; strings.Contains(body, `"instance":"one"`) || !strings.Contains(body, `"instance":"two"`) {
		t.Errorf("the body is %s", body)
	}
	m := message()
	m.Alerts = m.Alerts[1:]
	if r := i.Send(t.Context(), m); r.Err != nil || !r.Skipped || len(s.take()) != 0 {
		t.Errorf("with resolved alerts only the result is %+v", r)
	}
}

// TestStateIsToldAsDecided: a firing alert whose end has passed meanwhile is told
// as firing, and a resolved one whose end this node's clock has not reached as
// resolved.
func TestStateIsToldAsDecided(t *testing.T) {
	s := newSink(t, nil)
	m := message()
	m.Alerts = []notify.Told{told(false, "alertname", "Past"), told(true, "alertname", "Future"), told(true, "alertname", "Unset")}
	m.Alerts[1].Alert.EndsAt = begun.AddDate(100, 0, 0).UnixNano()
	m.Alerts[2].Alert.EndsAt = 0
	if r := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{})[0].Send(t.Context(), m); r.Err != nil {
		t.Fatal(r.Err)
	}
	var body struct {
		Alerts []struct {
			Status string
			Labels map[string]string
		}
	}
	if err := json.Unmarshal([]byte(s.take()[0].body), &body); err != nil {
		t.Fatal(err)
	}
	for _, a := range body.Alerts {
		want := "resolved"
		if a.Labels["alertname"] == "Past" {
			want = "firing"
		}
		if a.Status != want {
			t.Errorf("%s is told as %s", a.Labels["alertname"], a.Status)
		}
	}
}

// TestManySendsAtOnce: sends of one integration do not disturb each other.
func TestManySendsAtOnce(t *testing.T) {
	s := newSink(t, nil)
	i := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{})[0]
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			m := message()
			m.DeliveryID = fmt.Sprintf("id-%d", n)
			if r := i.Send(context.Background(), m); r.Err != nil {
				t.Error(r.Err)
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool)
	for _, r := range s.take() {
		id := r.header.Get("Idempotency-Key")
		if seen[id] || !strings.Contains(r.body, `"deliveryId":"`+id+`"`) {
			t.Errorf("request %s is a repeat or has another's body: %s", id, r.body)
		}
		seen[id] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d messages arrived, want 20", len(seen))
	}
}
