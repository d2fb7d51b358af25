package e2e_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"tocsin/cmd/tocsin/acceptance/rig"
)

// spans is a receiver of OpenTelemetry's spans over HTTP. Safe for concurrent use.
type spans struct {
	mu   sync.Mutex
	list []*otlp.Span
}

// ServeHTTP takes an export.
func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &export)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(err, r.URL), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range export.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			s.list = append(s.list, ss.GetSpans()...)
		}
	}
}

// find is the first span of that name with that attribute; nil if there is none.
func (s *spans) find(name, attribute, value string) *otlp.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range s.list {
		if span.GetName() == name && (attribute == "" || attributes(span)[attribute] == value) {
			return span
		}
	}
	return nil
}

// byID is the span with that ID.
func (s *spans) byID(id []byte) *otlp.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, span := range s.list {
		if string(span.GetSpanId()) == string(id) {
			return span
		}
	}
	return nil
}

// below reports whether the span of one ID is that of another, or below it.
func (s *spans) below(id, ancestor []byte) bool {
	for len(id) > 0 && string(id) != string(ancestor) {
		id = s.byID(id).GetParentSpanId()
	}
	return len(id) > 0
}

func attributes(span *otlp.Span) map[string]string {
	out := map[string]string{}
	for _, a := range span.GetAttributes() {
		v := a.GetValue()
		if text := v.GetStringValue(); text != "" {
			out[a.GetKey()] = text
		} else {
			out[a.GetKey()] = strings.TrimSpace(fmt.Sprint(v.GetIntValue(), v.GetBoolValue()))
		}
	}
	return out
}

// TestTracing follows an alert from its post, under the trace of who posts it, and
// from its group's tick to the request at the receiver. Without the key nothing is
// traced.
func TestTracing(t *testing.T) {
	t.Parallel()
	rig.SkipOracle(t, 0, "these spans")
	got := &spans{}
	srv := httptest.NewServer(got)
	t.Cleanup(srv.Close)
	hook := rig.NewSink(t, "hook")
	plain := "route: { receiver: hook, group_by: [alertname], group_wait: 0s }\nreceivers: [{ name: hook, webhook_configs: [{ url: '" + hook.URL + "' }] }]\n"
	n := rig.StartNode(t, rig.NodeOptions{Config: plain})

	n.PostAlerts(rig.APIAlert{Labels: map[string]string{"alertname": "before"}})
	n.WriteConfig(t, plain+"tracing: { client_type: http, endpoint: '"+strings.TrimPrefix(srv.URL, "http://")+"', insecure: true, sampling_fraction: 1.0 }\n")
	if !n.Reload(t) {
		t.Fatal("the configuration with tracing is not loaded")
	}
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	r := n.Do(http.MethodPost, "/api/v2/alerts", `[{"labels":{"alertname":"after"}}]`, http.Header{"Traceparent": {"00-" + trace + "-" + parent + "-01"}})
	if r.Code != 200 {
		t.Fatal(r)
	}
	var told *rig.Arrival
	rig.Eventually(10*time.Second, 50*time.Millisecond, func() bool {
		for _, a := range hook.Arrivals() {
			if a.Message != nil && a.Message.GroupLabels["alertname"] == "after" {
				told = &a
			}
		}
		return told != nil
	})
	if told == nil {
		t.Fatal("nothing was told")
	}
	id := told.Header.Get("Idempotency-Key")
	if !rig.Eventually(15*time.Second, 100*time.Millisecond, func() bool {
		return got.find("send", "tocsin.delivery_id", id) != nil && got.find("post alerts", "", "") != nil
	}) {
		t.Fatalf("no spans of the send %s came", id)
	}

	post := got.find("post alerts", "", "")
	if hex.EncodeToString(post.GetTraceId()) != trace || hex.EncodeToString(post.GetParentSpanId()) != parent || attributes(post)["tocsin.alerts"] != "1 false" {
		t.Errorf("the post's span is %v", post)
	}
	send := got.find("send", "tocsin.delivery_id", id)
	deliver := got.byID(send.GetParentSpanId())
	flush := got.byID(deliver.GetParentSpanId())
	if deliver.GetName() != "deliver" || flush.GetName() != "flush group" || attributes(flush)["tocsin.group_key"] != `{}:{alertname="after"}` {
		t.Errorf("the send is below %v, that below %v", deliver, flush)
	}
	if claim := got.find("claim", "tocsin.granted", "0 true"); claim == nil {
		t.Error("there is no span of a granted claim")
	}
	request := strings.Split(told.Header.Get("Traceparent"), "-")
	if len(request) != 4 || request[1] != hex.EncodeToString(send.GetTraceId()) {
		t.Fatalf("the receiver was told the trace %q, that of the send is %x", request, send.GetTraceId())
	}
	spanID, err := hex.DecodeString(request[2])
	if err != nil || !rig.Eventually(7*time.Second, 100*time.Millisecond, func() bool { return got.below(spanID, send.GetSpanId()) }) {
		t.Errorf("the receiver was told the span %q, which is not below that of the send", request[2])
	}
	if got.find("flush group", "tocsin.group_key", `{}:{alertname="before"}`) != nil && len(hook.Arrivals()) < 2 {
		t.Error("what was told before tracing was asked for is traced")
	}

	n.WriteConfig(t, plain)
	if !n.Reload(t) {
		t.Fatal("the configuration without tracing is not loaded")
	}
	got.mu.Lock()
	count := len(got.list)
	got.mu.Unlock()
	n.PostAlerts(rig.APIAlert{Labels: map[string]string{"alertname": "off"}})
	if !rig.Eventually(10*time.Second, 50*time.Millisecond, func() bool { return len(hook.Arrivals()) >= 3 }) {
		t.Fatal("nothing was told without tracing")
	}
	time.Sleep(6 * time.Second) // spans are exported every five
	got.mu.Lock()
	defer got.mu.Unlock()
	if len(got.list) > count {
		t.Errorf("%d spans came after tracing was switched off", len(got.list)-count)
	}
}
