package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/dispatcher/config"
	"tocsin/dispatcher/notify"
)

// webYAML has every integration that speaks HTTP, all with the same server.
const webYAML = `
global:
  opsgenie_api_url: 'URL'
  opsgenie_api_key: hush-opsgenie
  victorops_api_url: 'URL'
  victorops_api_key: hush-victorops
  telegram_api_url: 'URL'
  telegram_bot_token: '1:hush-telegram'
  wechat_api_url: 'URL'
  wechat_api_secret: hush-wechat
  wechat_api_corp_id: corp
  rocketchat_api_url: 'URL'
  rocketchat_token: hush-rocket
  rocketchat_token_id: hush-rocket-id
  jira_api_url: 'URL'
  webex_api_url: 'URL'
  pagerduty_url: 'URL'
route: {receiver: r}
receivers:
  - name: r
    discord_configs: [{webhook_url: 'URL/hush-discord', send_resolved: true}]
    incidentio_configs: [{url: 'URL', alert_source_token: hush-incidentio}]
    jira_configs: [{project: OPS, issue_type: Bug, api_type: datacenter}]
    mattermost_configs: [{webhook_url: 'URL/hush-mattermost'}]
    msteams_configs: [{webhook_url: 'URL/hush-teams'}]
    msteamsv2_configs: [{webhook_url: 'URL/hush-teams2'}]
    opsgenie_configs: [{}]
    pagerduty_configs: [{routing_key: hush-pagerduty}]
    rocketchat_configs: [{channel: x}]
    slack_configs: [{api_url: 'URL/hush-slack', channel: x}]
    sns_configs: [{api_url: 'URL', topic_arn: 'arn:aws:sns:eu-central-1:123456789012:x', sigv4: {region: eu-central-1, access_key: AK, secret_key: hush-aws}}]
    telegram_configs: [{chat_id: 1, parse_mode: ''}]
    victorops_configs: [{routing_key: r}]
    webex_configs: [{room_id: r, http_config: {authorization: {credentials: hush-webex}}}]
    webhook_configs: [{url: 'URL/hush-webhook'}]
    wechat_configs: [{agent_id: '1'}]
`

// web are the integrations of webYAML at a server. Pushover has its address
// built in and is left out.
func web(t *testing.T, url string, o config.Options) []*notify.Integration {
	t.Helper()
	is := build(t, strings.ReplaceAll(webYAML, "URL", url), o)
	if len(is) != 16 {
		t.Fatalf("there are %d integrations, want 16", len(is))
	}
	return is
}

// TestTooManyRequests: an answer of 429 may be retried for every integration,
// and what the receiver asks for is heard.
func TestTooManyRequests(t *testing.T) {
	s := newSink(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"ok":false,"error_code":429,"description":"slow down at `+r.URL.Path+`","parameters":{"retry_after":7}}`)
	})
	for _, i := range web(t, s.URL, config.Options{}) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		r := i.Send(ctx, message())
		cancel()
		if r.Err == nil || !r.Retryable || r.Reason != "rateLimited" || r.RetryAfter != 7*time.Second || r.Status != 429 {
			t.Errorf("%s: the result is %+v", i.Name(), r)
		}
		if r.Err != nil && strings.Contains(r.Err.Error(), "hush") {
			t.Errorf("%s: the error shows a secret: %v", i.Name(), r.Err)
		}
		if len(s.take()) == 0 {
			t.Errorf("%s sent nothing", i.Name())
		}
	}
}

// TestAnswers: what Alertmanager makes of an answer is kept, with a reason.
func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		status    int
		retryable bool
		reason    string
	}{
		{400, false, "clientError"},
		{401, false, "authError"},
		{403, false, "authError"},
		{404, false, "clientError"},
		{429, true, "rateLimited"},
		{500, true, "serverError"},
		{503, true, "serverError"},
	} {
		s := newSink(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(tc.status)
		})
		for _, i := range web(t, s.URL, config.Options{}) {
			// Some retry all answers, the AWS SDK tries by itself, Telegram's
			// and WeChat's notifiers do not look at the status.
			if slices.Contains([]string{"sns", "telegram", "wechat"}, i.Name()) {
				continue
			}
			r := i.Send(t.Context(), message())
			if r.Err == nil || r.Retryable != tc.retryable || r.Reason != tc.reason || r.Status != tc.status {
				t.Errorf("%s after %d: the result is %+v", i.Name(), tc.status, r)
			}
		}
	}
}

func TestRetryAfterForms(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"":                              0,
		"12":                            12 * time.Second,
		"0.5":                           500 * time.Millisecond,
		"-3":                            0,
		"NaN":                           0,
		"later":                         0,
		"1e12":                          notify.MaxRetryAfter,
		"Mon, 02 Jan 2006 15:04:05 GMT": 0,
		"Fri, 31 Dec 2100 23:59:59 GMT": notify.MaxRetryAfter,
	} {
		s := newSink(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		r := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{})[0].Send(t.Context(), message())
		if r.RetryAfter != want {
			t.Errorf("Retry-After %q is heard as %v, want %v", value, r.RetryAfter, want)
		}
	}
}

// TestNobodyThere: a server that is not there is worth another try, and the
// error names no secret, although all addresses here have one.
func TestNobodyThere(t *testing.T) {
	s := newSink(t, nil)
	s.Close()
	for _, i := range web(t, s.URL, config.Options{}) {
		if i.Name() == "sns" {
			continue
		}
		r := i.Send(t.Context(), message())
		if r.Err == nil || !r.Retryable || r.Status != 0 {
			t.Errorf("%s: the result is %+v", i.Name(), r)
		}
		if r.Err != nil && strings.Contains(r.Err.Error(), "hush") {
			t.Errorf("%s: the error shows a secret: %v", i.Name(), r.Err)
		}
	}
}

// TestSlowServer: every integration ends with its context.
func TestSlowServer(t *testing.T) {
	release := make(chan struct{})
	s := newSink(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	for _, i := range web(t, s.URL, config.Options{}) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		r := i.Send(ctx, message())
		cancel()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: Send returned after %v", i.Name(), took)
		}
		if !errors.Is(r.Err, context.DeadlineExceeded) || r.Reason != "contextDeadlineExceeded" || !r.Retryable {
			t.Errorf("%s: the result is %+v", i.Name(), r)
		}
	}
}

// TestErrorsAreShort: what a server answers does not fill the ledger.
func TestErrorsAreShort(t *testing.T) {
	s := newSink(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, strings.Repeat("ü", 10000)+"\xff")
	})
	r := build(t, webhookYAML("{url: '"+s.URL+"'}"), config.Options{})[0].Send(t.Context(), message())
	if n := len(r.Err.Error()); n > 512 || n < 400 || !strings.HasSuffix(r.Err.Error(), "ü…") {
		t.Errorf("the error has %d bytes: %v", n, r.Err)
	}
}

// TestSecretsFromFiles: a secret that no configuration holds is not shown
// either, where it is part of an address.
func TestSecretsFromFiles(t *testing.T) {
	s := newSink(t, nil)
	s.Close()
	dir := t.TempDir()
	for name, text := range map[string]string{"token": "1:hush-token\n", "url": s.URL + "/hush-path"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := "route: {receiver: r}\nreceivers: [{name: r, telegram_configs: [{api_url: '" + s.URL + "', bot_token_file: " + dir + "/token, chat_id: 1}], " +
		"webhook_configs: [{url_file: " + dir + "/url}]}]\n"
	for _, i := range build(t, text, config.Options{}) {
		r := i.Send(t.Context(), message())
		if r.Err == nil || strings.Contains(r.Err.Error(), "hush") || !strings.Contains(r.Err.Error(), "refused") {
			t.Errorf("%s: the error is %v", i.Name(), r.Err)
		}
	}
}
