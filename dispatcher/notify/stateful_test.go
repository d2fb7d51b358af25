package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	commoncfg "github.com/prometheus/common/config"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// toServer sends all connections to one server, whatever address they ask for.
func toServer(s *httptest.Server) config.Options {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, s.Listener.Addr().String())
	}
	return config.Options{HTTP: []commoncfg.HTTPClientOption{commoncfg.WithDialContextFunc(dial)}}
}

// newTLSSink is a sink that speaks TLS with a certificate that nobody trusts.
func newTLSSink(t *testing.T, answer http.HandlerFunc) *sink {
	t.Helper()
	s := &sink{answer: answer}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	return s
}

// TestSlackUpdatesItsMessage: what the notifier keeps of its first message goes
// through model.Data, so the next sender edits that message; the first message
// of a new incident is a new one.
func TestSlackUpdatesItsMessage(t *testing.T) {
	s := newTLSSink(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"ok":true,"ts":"1700000000.0001","channel":"C42"}`)
	})
	text := `
route: {receiver: r}
receivers:
  - name: r
    slack_configs:
      - api_url: https://slack.com/api/chat.postMessage
        channel: '#ops'
        update_message: true
        http_config: {authorization: {credentials: hush-token}, tls_config: {insecure_skip_verify: true}}
`
	send := func(m *notify.Message) (request, notify.Result) {
		// A new integration each time, as on another node.
		r := build(t, text, toServer(s.Server))[0].Send(t.Context(), m)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return s.take()[0], r
	}
	m := message()
	m.Reason = model.ReasonFirst
	first, r := send(m)
	want := model.Data{{Key: "channelId", Str: "C42"}, {Key: "threadTs", Str: "1700000000.0001"}}
	if fmt.Sprint(r.Data) != fmt.Sprint(want) || first.path != "/api/chat.postMessage" {
		t.Errorf("the first message goes to %s and leaves %v, want %v", first.path, r.Data, want)
	}
	m = message()
	m.Data = r.Data
	second, r := send(m)
	if second.path != "/api/chat.update" || !strings.Contains(second.body, `"ts":"1700000000.0001"`) || fmt.Sprint(r.Data) != fmt.Sprint(want) {
		t.Errorf("the second message goes to %s as %s and leaves %v", second.path, second.body, r.Data)
	}
	m.Reason = model.ReasonFirst
	if third, _ := send(m); third.path != "/api/chat.postMessage" || strings.Contains(third.body, `"ts"`) {
		t.Errorf("the first message of the next incident goes to %s as %s", third.path, third.body)
	}
}

// TestDataOutlivesFailure: a failed try loses nothing.
func TestDataOutlivesFailure(t *testing.T) {
	s := newSink(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	m := message()
	m.Data = model.Data{{Key: "f", Kind: model.DatumFloat, Float: 1.5}, {Key: "i", Kind: model.DatumInt, Int: -7}, {Key: "s", Str: "x"}}
	i := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{})[0]
	if r := i.Send(t.Context(), m); r.Err == nil || fmt.Sprint(r.Data) != fmt.Sprint(m.Data) {
		t.Errorf("after a failure the result is %+v", r)
	}
	s.answer = nil
	if r := i.Send(t.Context(), m); r.Err != nil || fmt.Sprint(r.Data) != fmt.Sprint(m.Data) {
		t.Errorf("an integration that keeps nothing changes the data: %+v", r)
	}
}

// TestTelegramTakesTurns: sends run one after the other, also because the race
// detector would find the notifier changing itself, and each ends with its own
// context.
func TestTelegramTakesTurns(t *testing.T) {
	var at, most atomic.Int32
	s := newSink(t, func(w http.ResponseWriter, _ *http.Request) {
		now := at.Add(1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		at.Add(-1)
		fmt.Fprint(w, `{"ok":true,"result":{"message_id":1,"chat":{"id":1}}}`)
	})
	text := "route: {receiver: r}\nreceivers: [{name: r, telegram_configs: [{api_url: '" + s.URL + "', bot_token: '1:hush', chat_id: 1, parse_mode: ''}]}]\n"
	i := build(t, text, config.Options{})[0]
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if r := i.Send(context.Background(), message()); r.Err != nil {
				t.Error(r.Err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 || len(s.take()) != 10 {
		t.Errorf("%d sends ran at once", most.Load())
	}
}

// TestWaitingForATurnEnds: who waits for a turn stops when its time is over.
func TestWaitingForATurnEnds(t *testing.T) {
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	s := newSink(t, func(_ http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	text := "route: {receiver: r}\nreceivers: [{name: r, telegram_configs: [{api_url: '" + s.URL + "', bot_token: '1:hush', chat_id: 1}]}]\n"
	i := build(t, text, config.Options{})[0]
	var wg sync.WaitGroup
	wg.Go(func() { i.Send(context.Background(), message()) })
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if r := i.Send(ctx, message()); r.Err == nil || !r.Retryable || r.Reason != "contextDeadlineExceeded" {
		t.Errorf("the result is %+v", r)
	}
	close(release)
	wg.Wait()
}

// TestWeChatAtOnce: its notifier keeps a token; the race detector watches.
func TestWeChatAtOnce(t *testing.T) {
	s := newSink(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "gettoken") {
			fmt.Fprint(w, `{"access_token":"t"}`)
			return
		}
		fmt.Fprint(w, `{"errcode":0}`)
	})
	text := "route: {receiver: r}\nreceivers: [{name: r, wechat_configs: [{api_url: '" + s.URL + "', api_secret: hush-w, corp_id: c}], " +
		"pagerduty_configs: [{url: '" + s.URL + "', routing_key: k}]}]\n"
	var wg sync.WaitGroup
	for _, i := range build(t, text, config.Options{}) {
		for range 5 {
			wg.Go(func() {
				if r := i.Send(context.Background(), message()); r.Err != nil {
					t.Error(r.Err)
				}
			})
		}
	}
	wg.Wait()
	severities := 0
	for _, r := range s.take() {
		if strings.Contains(r.body, `"severity":"error"`) {
			severities++
		}
	}
	if severities != 5 {
		t.Errorf("%d PagerDuty events have the default severity, want 5", severities)
	}
}

// TestPushoverIsSeen: its address is built in; its answers are seen all the same.
func TestPushoverIsSeen(t *testing.T) {
	s := newTLSSink(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	text := "route: {receiver: r}\nreceivers: [{name: r, pushover_configs: [{user_key: hush-u, token: hush-t, http_config: {tls_config: {insecure_skip_verify: true}}}]}]\n"
	r := build(t, text, toServer(s.Server))[0].Send(t.Context(), message())
	if r.Status != 429 || !r.Retryable || r.RetryAfter != 9*time.Second {
		t.Errorf("the result is %+v", r)
	}
}

// TestConnectionsAreUsedAgain: Webex's notifier leaves bodies open; closed, their
// connections do not pile up.
func TestConnectionsAreUsedAgain(t *testing.T) {
	var open atomic.Int32
	s := &sink{}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(strings.Repeat("x", 1000)); err != nil {
			t.Error(err)
		}
	}
	s.Start()
	defer s.Close()
	text := "route: {receiver: r}\nreceivers: [{name: r, webex_configs: [{api_url: '" + s.URL + "', room_id: r, http_config: {authorization: {credentials: x}}}]}]\n"
	i := build(t, text, config.Options{})[0]
	for range 20 {
		if r := i.Send(t.Context(), message()); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if n := open.Load(); n > 3 {
		t.Errorf("%d connections are open after 20 messages", n)
	}
}
