package notify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	upstream "github.com/prometheus/alertmanager/alert"
	amconfig "github.com/prometheus/alertmanager/config"
	amnotify "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/notify/email"
	"github.com/prometheus/alertmanager/template"
	prommodel "github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"

	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

const mailYAML = `
global:
  smtp_smarthost: '%s'
  smtp_from: 'Tocsin <alertmanager@example.com>'
  smtp_auth_username: user
  smtp_auth_password: hush-password
  smtp_tls_config: {ca_file: '%s', server_name: example.com}
route: {receiver: default}
receivers:
  - name: default
    email_configs:
`

func mailConfig(s *mailServer, entry string) string {
	return fmt.Sprintf(mailYAML, s.addr, s.caFile) + "      - " + entry + "\n"
}

// TestGuideMail: the guide's configuration, with only the address of the mail
// server changed and a password added, sends what the guide says: over STARTTLS
// and after logging in.
func TestGuideMail(t *testing.T) {
	s := newMailServer(t)
	guide, err := os.ReadFile("../../testdata/config/guide.yml")
	if err != nil {
		t.Fatal(err)
	}
	const place = "smtp_smarthost: 'localhost:587'"
	text := strings.Replace(string(guide), place, fmt.Sprintf(`smtp_smarthost: '%s'
  smtp_auth_username: user
  smtp_auth_password: hush-password
  smtp_tls_config: {ca_file: '%s', server_name: example.com}`, s.addr, s.caFile), 1)
	if !strings.Contains(string(guide), place) {
		t.Fatal("the guide's mail server is not where it was")
	}
	c, err := config.Load(&model.ConfigVersion{YAML: []byte(text)}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := message()
	route := c.Routes.Match(m.Alerts[0].Alert.Labels)[0]
	if r := c.Receivers[route.Receiver].Integrations[0].Send(t.Context(), m); r.Err != nil {
		t.Fatal(r.Err)
	}
	got := s.one(t)
	if got.user != "user" || got.password != "hush-password" || !got.tls {
		t.Errorf("the session is %+v", got)
	}
	if got.from != "alertmanager@example.com" || len(got.to) != 1 || got.to[0] != "critical@example.com" {
		t.Errorf("sent from %s to %v", got.from, got.to)
	}
	headers, parts := readMail(t, got.text)
	if headers.Get("Subject") != "CRITICAL: Down" {
		t.Errorf("subject is %q", headers.Get("Subject"))
	}
	const body = "\r\nAlert: It burns\r\nSeverity: critical\r\nInstance: two\r\nDescription: Bad & <worse>\r\n\r\n"
	if len(parts) != 1 || parts["text/plain"] != body {
		t.Errorf("the parts are %q", parts)
	}
	if id := headers.Get("Message-Id"); !strings.HasPrefix(id, "<0123456789abcdef0123456789abcdef@") {
		t.Errorf("message ID is %q", id)
	}
}

// readMail takes a message apart: its headers, and its parts by type.
func readMail(t *testing.T, text string) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := make(map[string]string)
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = string(body)
	}
}

// TestMailIsAlertmanagers compares what we send with what Alertmanager's notifier
// sends: envelope, headers and parts.
func TestMailIsAlertmanagers(t *testing.T) {
	for _, entry := range []string{
		"{to: 'a@example.com, B <b@example.com>', send_resolved: true}",
		"{to: 'a@example.com', text: 'ünï {{ .CommonLabels.alertname }}', html: '', send_resolved: true}",
		"{to: 'a@example.com', headers: {subject: 'Grüße {{ .Status }}', X-Team: '{{ .RouteLabels.team }}', Message-ID: '<mine@example.com>'}, send_resolved: true}",
		"{to: 'a@example.com', threading: {enabled: true, thread_by_date: daily}, send_resolved: true}",
		"{to: 'a@example.com', threading: {enabled: true, thread_by_date: none}, text: both, send_resolved: true}",
	} {
		s := newMailServer(t)
		text := mailConfig(s, entry)
		if r := build(t, text, config.Options{})[0].Send(t.Context(), message()); r.Err != nil {
			t.Fatal(r.Err)
		}
		ours := s.one(t)
		theirConfig, err := amconfig.Load(text)
		if err != nil {
			t.Fatal(err)
		}
		sendUpstream(t, theirConfig.Receivers[0].EmailConfigs[0])
		compareMails(t, entry, ours, s.one(t))
	}
}

func compareMails(t *testing.T, entry string, ours, theirs letter) {
	t.Helper()
	if ours.from != theirs.from || strings.Join(ours.to, " ") != strings.Join(theirs.to, " ") || ours.tls != theirs.tls || ours.user != theirs.user {
		t.Errorf("%s: the envelope is %+v, want %+v", entry, ours, theirs)
	}
	ourHeaders, ourParts := readMail(t, ours.text)
	theirHeaders, theirParts := readMail(t, theirs.text)
	for name := range theirHeaders {
		a, b := strings.Join(ourHeaders[name], "|"), strings.Join(theirHeaders[name], "|")
		switch {
		case name == "Date" || name == "Content-Type" && strings.HasPrefix(a, "multipart/alternative"):
		case name == "Message-Id" && !strings.Contains(entry, "Message-ID"):
		case a != b:
			t.Errorf("%s: header %s is %q, want %q", entry, name, a, b)
		}
	}
	if len(ourHeaders) != len(theirHeaders) {
		t.Errorf("%s: headers are %v, want %v", entry, ourHeaders, theirHeaders)
	}
	if fmt.Sprint(ourParts) != fmt.Sprint(theirParts) {
		t.Errorf("%s: parts are\n%q\nwant\n%q", entry, ourParts, theirParts)
	}
}

// upstreamMessage is message as Alertmanager's notifiers are given it.
func upstreamMessage(ctx context.Context) (context.Context, []*upstream.Alert) {
	m := message()
	ctx = amnotify.WithGroupKey(ctx, m.GroupKey)
	ctx = amnotify.WithReceiverName(ctx, m.Receiver)
	ctx = amnotify.WithGroupLabels(ctx, prommodel.LabelSet{"alertname": "Down"})
	ctx = amnotify.WithRouteLabels(ctx, prommodel.LabelSet{"team": "core"})
	ctx = amnotify.WithNotificationReason(ctx, amnotify.ReasonNewAlertsInGroup)
	resolved, firing := m.Alerts[1].Alert.Upstream(), m.Alerts[0].Alert.Upstream()
	firing.EndsAt = time.Time{}
	return ctx, []*upstream.Alert{resolved, firing}
}

func upstreamTemplate(t *testing.T) *template.Template {
	t.Helper()
	tmpl, err := template.FromGlobs(nil)
	if err != nil {
		t.Fatal(err)
	}
	tmpl.ExternalURL = &url.URL{}
	return tmpl
}

func sendUpstream(t *testing.T, c *amconfig.EmailConfig) {
	t.Helper()
	ctx, alerts := upstreamMessage(t.Context())
	if _, err := email.New(c, upstreamTemplate(t), promslog.NewNopLogger()).Notify(ctx, alerts...); err != nil {
		t.Fatal(err)
	}
}

// TestMailEndsWithItsContext: a server that falls silent does not keep the
// sender past its deadline (I9), in whatever phase.
func TestMailEndsWithItsContext(t *testing.T) {
	for _, silentAt := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "."} {
		s := newSilentServer(t, silentAt)
		i := build(t, fmt.Sprintf(`
global: {smtp_smarthost: '%s', smtp_from: a@example.com, smtp_require_tls: false}
route: {receiver: r}
receivers: [{name: r, email_configs: [{to: b@example.com}]}]
`, s), config.Options{})[0]
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		start := time.Now()
		r := i.Send(ctx, message())
		cancel()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("silent at %s: Send returned after %v", silentAt, took)
		}
		if !errors.Is(r.Err, context.DeadlineExceeded) || !r.Retryable || r.Reason != "contextDeadlineExceeded" {
			t.Errorf("silent at %s: the result is %+v", silentAt, r)
		}
	}
}

func TestMailFailures(t *testing.T) {
	s := newMailServer(t)
	for _, tc := range []struct {
		entry, says string
		retryable   bool
	}{
		{"{to: refused@example.com}", "name the receiver: 550", true},
		{"{to: a@example.com, auth_password: hush-wrong}", "log in: 535", true},
		{"{to: a@example.com, headers: {X: '{{ .Nothing.Here }}'}}", "render header X", false},
		{"{to: '{{ .Status }}'}", "read to: ", false},
		{"{to: a@example.com, from: 'a@example.com, b@example.com'}", "2 addresses", false},
		{"{to: a@example.com, tls_config: {server_name: other.example.com}}", "start TLS", true},
		{"{to: a@example.com, tls_config: {ca_file: /not/there}}", "TLS settings", false},
	} {
		text := mailConfig(s, tc.entry)
		r := build(t, text, config.Options{})[0].Send(t.Context(), message())
		if r.Err == nil || !strings.Contains(r.Err.Error(), tc.says) || r.Retryable != tc.retryable {
			t.Errorf("%s: the result is %+v", tc.entry, r)
		}
		if r.Err != nil && strings.Contains(r.Err.Error(), "hush") {
			t.Errorf("%s: the error shows a secret", tc.entry)
		}
	}
	if n := s.count(); n != 0 {
		t.Errorf("%d messages arrived", n)
	}
}
