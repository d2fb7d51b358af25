package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/httpapi/access"
)

// ask sends one request to a node from another machine. Headers are pairs.
func (n *labNode) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "10.0.0.77:4242"
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	n.Handler().ServeHTTP(w, r)
	return w
}

func (l *lab) token(n *labNode, name, role string, ttl time.Duration) string {
	l.t.Helper()
	w := n.do(http.MethodPost, "/api/tocsin/v1/tokens", fmt.Sprintf(`{"name":%q,"role":%q,"ttl_seconds":%d}`, name, role, int(ttl.Seconds())))
	var made struct{ Secret string }
	if err := json.Unmarshal(w.Body.Bytes(), &made); w.Code != http.StatusCreated || err != nil || made.Secret == "" {
		l.t.Fatalf("make the token %s: %d %s", name, w.Code, w.Body)
	}
	return made.Secret
}

const aSilence = `{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2000-01-01T00:00:00Z","endsAt":"2100-01-01T00:00:00Z","createdBy":"%s","comment":"c"}`

// TestTokensOfACluster: a token is known on every node, with a quorum and without,
// until it expires or is revoked; and what its owner does is told of him,
// whatever he calls himself.
func TestTokensOfACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 3)
		a, b, c := l.nodes[0], l.nodes[1], l.nodes[2]
		ann := l.token(a, "ann", "operator", 3*time.Minute)
		bob := l.token(a, "bob", "viewer", 0)
		if w := a.do(http.MethodPut, "/api/tocsin/v1/access", `{"anonymous":"none"}`); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		within(t, 5*time.Second, "the other nodes know the tokens", func() bool {
			return b.ask("GET", "/api/v2/status", "", "Authorization", "Bearer "+bob).Code == 200 && b.ask("GET", "/api/v2/status", "").Code == 401
		})
		w := b.ask("POST", "/api/v2/silences", fmt.Sprintf(aSilence, "the boss"), "Authorization", "Bearer "+ann)
		if w.Code != http.StatusOK {
			t.Fatalf("an operator's silence: %d %s", w.Code, w.Body)
		}
		if w := b.ask("POST", "/api/v2/silences", fmt.Sprintf(aSilence, "ann"), "Authorization", "Bearer "+bob); w.Code != http.StatusForbidden {
			t.Errorf("a viewer's silence: %d %s", w.Code, w.Body)
		}
		within(t, 5*time.Second, "all have it in the audit, of ann", func() bool {
			body := c.do("GET", "/api/tocsin/v1/audit?who=ann", "").Body.String()
			return strings.Contains(body, `"who":"token:ann","from":"10.0.0.77"`) && strings.Contains(body, `"action":"silence.create"`) &&
				strings.Contains(body, "created by the boss") && strings.Contains(body, `"node_name":"node2"`)
		})
		if body := c.do("GET", "/api/tocsin/v1/audit?action=token", "").Body.String(); strings.Count(body, `"token.create"`) != 2 || !strings.Contains(body, `"who":"local"`) {
			t.Errorf("the audit of tokens is %s", body)
		}

		// Alone, a node still knows who is who, and changes nothing.
		for _, n := range []*labNode{a, c} {
			l.net.Cut(b.ip, n.ip)
		}
		time.Sleep(30 * time.Second)
		if w := b.ask("GET", "/api/v2/status", "", "Authorization", "Bearer "+bob); w.Code != http.StatusOK {
			t.Errorf("without a quorum: %d %s", w.Code, w.Body)
		}
		if w := b.do("POST", "/api/tocsin/v1/tokens", `{"name":"eve","role":"admin"}`); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "tocsin_") {
			t.Errorf("a token without a quorum: %d %s", w.Code, w.Body)
		}
		if w := a.do("DELETE", "/api/tocsin/v1/tokens/bob", ""); w.Code != http.StatusOK {
			t.Errorf("revoke: %d %s", w.Code, w.Body)
		}
		if w := a.ask("GET", "/api/v2/status", "", "Authorization", "Bearer "+bob); w.Code != http.StatusUnauthorized {
			t.Errorf("revoked: %d %s", w.Code, w.Body)
		}
		l.net.Heal()
		within(t, time.Minute, "it is revoked on the node that was away", func() bool {
			return b.ask("GET", "/api/v2/status", "", "Authorization", "Bearer "+bob).Code == 401
		})
		time.Sleep(3 * time.Minute)
		if w := c.ask("GET", "/api/v2/status", "", "Authorization", "Bearer "+ann); w.Code != http.StatusUnauthorized {
			t.Errorf("expired: %d %s", w.Code, w.Body)
		}
	})
}

// secretConfig has a secret wherever one may stand; all of them begin alike.
const secretConfig = `global:
  smtp_auth_password: PLANTED-smtp
  slack_api_url: http://10.0.0.101:80/PLANTED-slack
  opsgenie_api_key: PLANTED-opsgenie
  http_config:
    oauth2: {client_id: id, client_secret: PLANTED-oauth, token_url: "http://10.0.0.101:80/token"}
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
receivers:
  - name: team
    webhook_configs:
      - url: http://10.0.0.101:80/hook?key=PLANTED-url
        http_config: {basic_auth: {username: u, password: PLANTED-basic}}
      - url: http://u:PLANTED-userinfo@10.0.0.101:80/hook
        http_config: {authorization: {credentials: PLANTED-credentials}}
    pagerduty_configs:
      - routing_key: PLANTED-pagerduty
        url: http://10.0.0.101:80/
    telegram_configs:
      - bot_token: PLANTED-telegram
        chat_id: 1
        api_url: http://10.0.0.101:80
    slack_configs:
      - channel: c
    email_configs:
      - to: a@example.org
        from: b@example.org
        smarthost: 127.0.0.1:1
        auth_username: u
        auth_password: PLANTED-mail
`

// lines is a log that several nodes write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestSecretsStayInside: secrets of the configuration, of tokens and of records
// are in no answer of any route, and in no line of the log, though every receiver
// fails with them.
func TestSecretsStayInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		l := newLabOf(t, 2, func(n *labNode) {
			registry := prometheus.NewRegistry()
			n.opts.Registerer, n.opts.Gatherer = registry, registry
			n.opts.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		a := l.nodes[0]
		body, err := json.Marshal(map[string]string{"yaml": secretConfig, "author": "ann"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // so that there is a difference to show
			if w := a.do("POST", "/api/tocsin/v1/config", string(body)); w.Code != http.StatusOK {
				t.Fatalf("apply: %d %s", w.Code, w.Body)
			}
			body = bytes.ReplaceAll(body, []byte("PLANTED-"), []byte("PLANTED-2-"))
		}
		secret := l.token(a, "ann", "admin", 0)
		for _, kind := range []model.RecordKind{model.RecordPKI, model.RecordJoinToken, model.RecordAPIToken, model.RecordBackup} {
			put := command.PutRecord{Record: kind, Name: "planted", Body: []byte("PLANTED-record")}
			if _, err := a.Cluster().ProposeAs(t.Context(), model.Actor{Name: "local"}, put); err != nil {
				t.Fatal(err)
			}
		}
		l.post(`{"alertname":"x"}`, time.Now().Add(time.Hour))
		time.Sleep(time.Minute)
		wrong := secret[:len(secret)-3] + "xxx"
		a.ask("GET", "/api/v2/status", "", "Authorization", "Bearer "+wrong)
		// What does not fit is told without its secrets, too.
		broken := strings.ReplaceAll(secretConfig, "smtp_auth_password: PLANTED-smtp", "smtp_auth_password: [PLANTED-smtp]")
		if body, err = json.Marshal(map[string]string{"yaml": broken}); err != nil {
			t.Fatal(err)
		}
		answers := map[string]string{"POST config/check": a.do("POST", "/api/tocsin/v1/config/check", string(body)).Body.String()}

		for _, route := range access.Routes() {
			method, path, _ := strings.Cut(route, " ")
			switch {
			case method != http.MethodGet, strings.HasPrefix(path, "/debug/"):
				continue
			case path == "/api/tocsin/v1/snapshot":
				continue // it is the state itself, for admins to restore it from
			}
			path = strings.NewReplacer(":rev", "2", ":silenceID", "x", ":sid", "x").Replace(path)
			for _, n := range l.nodes {
				w := n.ask(method, path, "", "Authorization", "Bearer "+secret)
				answers[n.ip+" "+route] = w.Body.String()
				if w.Code == http.StatusUnauthorized || w.Code == http.StatusForbidden {
					t.Errorf("%s: %d %s", route, w.Code, w.Body)
				}
			}
		}
		answers["the log"] = log.String()
		for where, text := range answers {
			for _, s := range []string{"PLANTED", secret[20:], wrong[20:]} {
				if i := strings.Index(text, s); i >= 0 {
					t.Errorf("%s has a secret: …%s…", where, text[max(0, i-120):min(len(text), i+60)])
				}
			}
		}
		for what, want := range map[string]string{
			"the log": "notification failed", a.ip + " GET /api/tocsin/v1/config": "slack_configs", a.ip + " GET /api/tocsin/v1/audit": "api_token.create",
			a.ip + " GET /api/tocsin/v1/deliveries": "team", a.ip + " GET /api/tocsin/v1/tokens": `"ann"`,
		} {
			if !strings.Contains(answers[what], want) {
				t.Errorf("%s does not even have %q, so nothing is shown: %.300s", what, want, answers[what])
			}
		}
	})
}
