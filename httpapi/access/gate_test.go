package access_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tocsin/fsm/model"
	"tocsin/httpapi/access"
	"tocsin/httpapi/access/accesstest"
	"tocsin/httpapi/refusal"
)

// door is a gate with some routes of the table behind it, and a clock.
type door struct {
	t        *testing.T
	now      time.Time
	records  accesstest.Records
	keys     *access.Keys
	registry *prometheus.Registry
	log      strings.Builder
	echo     *echo.Echo
	// who is the actor of the last request that came through.
	who model.Actor
}

func newDoor(t *testing.T, webConfig string) *door {
	t.Helper()
	d := &door{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), registry: prometheus.NewRegistry(), echo: echo.New()}
	clock := func() time.Time { return d.now }
	d.keys = access.NewKeys(access.KeysOptions{
		Records: func() access.Records { return &d.records }, Writer: &d.records, Now: clock,
	})
	g := access.NewGate(access.Options{
		Keys: d.keys, Now: clock, Logger: slog.New(slog.NewTextHandler(&d.log, nil)), Registerer: d.registry, WebConfigFile: webConfig,
	})
	d.echo.HTTPErrorHandler = func(err error, c echo.Context) {
		var no *access.Refusal
		if errors.As(err, &no) {
			_ = c.String(no.Status, no.Error())
			return
		}
		_ = c.NoContent(http.StatusNotFound)
	}
	d.echo.Use(g.Middleware)
	pass := func(c echo.Context) error {
		d.who = access.Actor(c.Request().Context())
		return c.NoContent(http.StatusOK)
	}
	d.echo.GET("/-/healthy", pass)
	d.echo.GET("/api/v2/alerts", pass)
	d.echo.POST("/api/v2/alerts", pass)
	d.echo.POST("/api/v2/silences", pass)
	d.echo.GET("/api/tocsin/v1/audit", pass)
	d.echo.POST("/api/tocsin/v1/config", pass)
	d.echo.GET("/nobody/listed/this", pass)
	g.Bind(d.echo.Routes())
	return d
}

func (d *door) token(name string, role access.Role, ttl time.Duration) string {
	d.t.Helper()
	_, secret, err := d.keys.Create(context.Background(), access.NewToken{Name: name, Role: role, TTL: ttl})
	if err != nil {
		d.t.Fatal(err)
	}
	return secret
}

// The questions, by the role that they need.
const (
	lives    = "GET /-/healthy"
	posts    = "POST /api/v2/alerts"
	reads    = "GET /api/v2/alerts"
	silences = "POST /api/v2/silences"
	audits   = "GET /api/tocsin/v1/audit"
	applies  = "POST /api/tocsin/v1/config"
	unlisted = "GET /nobody/listed/this"
)

// ask sends a request from another machine. Headers are pairs; "from" is the
// address, "host" the host asked for.
func (d *door) ask(what string, headers ...string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(what, " ")
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = "10.0.0.9:4242"
	for i := 0; i+1 < len(headers); i += 2 {
		switch headers[i] {
		case "from":
			r.RemoteAddr = headers[i+1]
		case "host":
			r.Host = headers[i+1]
		case "proto":
			r.Proto = headers[i+1]
			r.ProtoMajor, r.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
		default:
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	d.who = model.Actor{}
	d.echo.ServeHTTP(w, r)
	return w
}

func (d *door) expect(status int, who string, what string, headers ...string) {
	d.t.Helper()
	w := d.ask(what, headers...)
	if w.Code != status || d.who.Name != who {
		d.t.Errorf("%s %v: got %d as %q, want %d as %q: %s", what, headers, w.Code, d.who.Name, status, who, w.Body)
	}
}

func basic(user, password string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func TestWithoutTokens(t *testing.T) {
	d := newDoor(t, "")
	for _, what := range []string{lives, posts, reads, silences} {
		d.expect(200, "anonymous", what)
		d.expect(200, "anonymous", what, "Authorization", "Bearer of-another-program")
		d.expect(200, "anonymous", what, "Authorization", basic("a", "b"))
	}
	if d.ask(silences); d.who.Address != "10.0.0.9" {
		t.Errorf("it came from %q", d.who.Address)
	}
	for _, what := range []string{audits, applies, unlisted} {
		d.expect(403, "", what)
	}
	if w := d.ask(applies); w.Header().Get("WWW-Authenticate") != "" || !strings.Contains(w.Body.String(), "tocsin token create") {
		t.Errorf("got %v %s", w.Header(), w.Body)
	}
}

func TestTokens(t *testing.T) {
	d := newDoor(t, "")
	secret := d.token("ci", access.Viewer, time.Hour)
	d.token("boss", access.Admin, 0)
	want := `
		# HELP tocsin_api_token_expiry_timestamp_seconds When an API token expires, in seconds since the epoch.
		# TYPE tocsin_api_token_expiry_timestamp_seconds gauge
		tocsin_api_token_expiry_timestamp_seconds{name="ci",role="viewer"} 1.767326645e+09
	`
	if err := testutil.GatherAndCompare(d.registry, strings.NewReader(want), "tocsin_api_token_expiry_timestamp_seconds"); err != nil {
		t.Error(err)
	}
	d.expect(200, "token:ci", reads, "Authorization", "Bearer "+secret)
	d.expect(200, "token:ci", reads, "authorization", "bearer  "+secret)
	d.expect(200, "token:ci", reads, "Authorization", basic("whoever", secret))
	d.expect(200, "token:ci", reads, "X-Tocsin-Token", secret, "Authorization", "Bearer x")
	d.expect(200, "token:ci", reads, "Authorization", "Bearer "+secret, "from", "127.0.0.1:1", "host", "localhost")
	if d.ask(reads, "X-Tocsin-Token", secret); d.who.Address != "10.0.0.9" {
		t.Errorf("it came from %q", d.who.Address)
	}
	d.expect(403, "", posts, "Authorization", "Bearer "+secret)
	d.expect(403, "", applies, "Authorization", "Bearer "+secret, "from", "127.0.0.1:1", "host", "localhost")
	w := d.ask(applies)
	if w.Code != 401 || len(w.Header().Values("WWW-Authenticate")) != 2 {
		t.Errorf("without a token: got %d %v", w.Code, w.Header())
	}
	d.now = d.now.Add(time.Hour - time.Millisecond)
	d.expect(200, "token:ci", reads, "Authorization", "Bearer "+secret)
	d.now = d.now.Add(time.Millisecond)
	w = d.ask(reads, "Authorization", "Bearer "+secret)
	if w.Code != 401 || !strings.Contains(w.Body.String(), "expired") {
		t.Errorf("when it has expired: got %d %s", w.Code, w.Body)
	}
	if ok, err := d.keys.Revoke(context.Background(), "ci"); !ok || err != nil {
		t.Errorf("revoking: %v %v", ok, err)
	}
	w = d.ask(reads, "Authorization", "Bearer "+secret)
	if w.Code != 401 || !strings.Contains(w.Body.String(), "revoked") {
		t.Errorf("when it is revoked: got %d %s", w.Code, w.Body)
	}
	if ok, err := d.keys.Revoke(context.Background(), "ci"); ok || err != nil {
		t.Errorf("revoking what is not there: %v %v", ok, err)
	}
}

// Each part of a secret counts.
func TestWrongTokens(t *testing.T) {
	d := newDoor(t, "")
	secret, other := d.token("a", access.Admin, 0), d.token("b", access.Admin, 0)
	flipped := []byte(secret)
	flipped[len(flipped)-2] ^= 1
	for i, wrong := range []string{
		string(flipped), secret[:len(secret)-1], secret + "x", strings.ToUpper(secret), strings.TrimPrefix(secret, "tocsin_"),
		secret[:20] + other[20:], "tocsin_", "tocsin_" + strings.Repeat("_", 56), "x", strings.Repeat("x", 60_000),
	} {
		from := fmt.Sprintf("10.0.1.%d:1", i)
		d.expect(401, "", reads, "Authorization", "Bearer "+wrong, "from", from)
		d.expect(401, "", reads, "Authorization", basic("a", wrong), "from", from)
		d.expect(401, "", reads, "Authorization", "Bearer "+wrong, "from", "127.0.0.1:1", "host", "localhost")
		d.now = d.now.Add(time.Minute)
	}
	d.expect(200, "anonymous", lives, "Authorization", "Bearer x")
	if strings.Contains(d.log.String(), secret[20:40]) || strings.Contains(d.log.String(), string(flipped[20:40])) {
		t.Error("a secret is in the log")
	}
	if !strings.Contains(d.log.String(), "unknown_token") {
		t.Errorf("the log says\n%s", d.log.String())
	}
}

// An alert that anybody may post is not lost for a token that has expired; where
// not anybody may, it is.
func TestAlertsWithAnExpiredToken(t *testing.T) {
	d := newDoor(t, "")
	secret := d.token("prom", access.Ingest, time.Hour)
	d.now = d.now.Add(2 * time.Hour)
	d.expect(200, "anonymous", posts, "Authorization", "Bearer "+secret)
	if got := d.count("expired_token"); got != 1 {
		t.Errorf("%v are counted", got)
	}
	if err := d.keys.SetAnonymous(context.Background(), access.Viewer); err != nil {
		t.Fatal(err)
	}
	d.expect(401, "", posts, "Authorization", "Bearer "+secret)
}

func (d *door) count(reason string) float64 {
	d.t.Helper()
	all, err := d.registry.Gather()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range all {
		for _, m := range f.Metric {
			if f.GetName() == "tocsin_http_access_refused_total" && m.Label[0].GetValue() == reason {
				return m.Counter.GetValue()
			}
		}
	}
	return 0
}

// Guessing is slowed, and only guessing.
func TestThrottle(t *testing.T) {
	d := newDoor(t, "")
	secret := d.token("a", access.Admin, 0)
	wrong := "tocsin_000000000000_" + strings.Repeat("x", 43)
	for i := range 30 {
		want := 401
		if i >= 10 {
			want = 429
		}
		w := d.ask(reads, "Authorization", "Bearer "+wrong)
		if w.Code != want || want == 429 && w.Header().Get("Retry-After") != "6" {
			t.Fatalf("guess %d: got %d %v", i, w.Code, w.Header())
		}
	}
	d.expect(200, "token:a", applies, "Authorization", "Bearer "+secret)
	d.expect(401, "", reads, "Authorization", "Bearer "+wrong, "from", "10.0.0.10:1")
	d.now = d.now.Add(6 * time.Second)
	d.expect(401, "", reads, "Authorization", "Bearer "+wrong)
	d.expect(429, "", reads, "Authorization", "Bearer "+wrong)
	if d.count("throttled") != 21 || d.count("unknown_token") != 12 {
		t.Errorf("counted are %v and %v", d.count("throttled"), d.count("unknown_token"))
	}
	if n := strings.Count(d.log.String(), "\n"); n > 15 {
		t.Errorf("%d lines are in the log", n)
	}
	// Addresses without end take no memory without end, and stay throttled.
	for i := range 5000 {
		d.ask(reads, "Authorization", "Bearer "+wrong, "from", fmt.Sprintf("10.1.%d.%d:1", i/256, i%256))
	}
	d.expect(429, "", reads, "Authorization", "Bearer "+wrong, "from", "10.2.0.1:1")
	if n := testutil.CollectAndCount(d.registry, "tocsin_http_access_refused_total"); n > 5 {
		t.Errorf("the metric has %d series", n)
	}
}

func TestLocal(t *testing.T) {
	d := newDoor(t, "")
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	short, _, _ := strings.Cut(name, ".")
	for _, from := range []string{"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"} {
		d.expect(200, "local", applies, "from", from, "host", "localhost:9093")
	}
	for _, host := range []string{"localhost", "LOCALHOST:9093", "127.0.0.1:9093", "127.0.1.1", "[::1]:9093", "::1"} {
		d.expect(200, "local", applies, "from", "127.0.0.1:1", "host", host)
	}
	// A page whose name leads here asks for its own.
	for _, host := range []string{"evil.example", "localhost.evil.example:9093", "10.0.0.1", "127.0.0.1.evil.example"} {
		d.expect(403, "", applies, "from", "127.0.0.1:1", "host", host)
	}
	for _, from := range []string{"10.0.0.9:1", "[2001:db8::1]:1", "@", "", "127.0.0.1", "localhost:1"} {
		d.expect(403, "", applies, "from", from, "host", "localhost")
	}
	// A proxy that only moves bytes, such as one that adds TLS, hands on the name
	// that others ask for: it may be the machine's.
	for _, host := range []string{name, name + ":9093", short, ""} {
		d.expect(403, "", applies, "from", "127.0.0.1:1", "host", host)
	}
	// A proxy that nobody has configured says nothing of itself and asks for the
	// address that it was given, but speaks the old HTTP.
	d.expect(403, "", applies, "from", "127.0.0.1:1", "host", "127.0.0.1:9093", "proto", "HTTP/1.0")
	d.expect(200, "anonymous", reads, "from", "127.0.0.1:1", "host", "127.0.0.1:9093", "proto", "HTTP/1.0")
	for _, h := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "Via"} {
		d.expect(403, "", applies, "from", "127.0.0.1:1", "host", "localhost", h, "127.0.0.1")
		d.expect(403, "", applies, h, "127.0.0.1", "host", "localhost")
	}
}

func TestAnonymous(t *testing.T) {
	d := newDoor(t, "")
	ctx := access.WithActor(context.Background(), model.Actor{Name: "unix:0"})
	if err := d.keys.SetAnonymous(ctx, access.Admin); !errors.Is(err, access.ErrAnonymous) {
		t.Errorf("nobody as an admin: %v", err)
	}
	for _, r := range []access.Role{access.None, access.Ingest, access.Viewer, access.Operator, access.None} {
		if err := d.keys.SetAnonymous(ctx, r); err != nil || d.keys.Anonymous() != r {
			t.Errorf("%v: it is %v, %v", r, d.keys.Anonymous(), err)
		}
	}
	d.expect(403, "", reads)
	d.expect(200, "local", applies, "from", "127.0.0.1:1", "host", "localhost")
	d.records.Plant(model.RecordAPIToken, "x", "{")
	d.records.Plant(model.RecordAPIToken, "z", `{"id":"000000000000","hash":"","role":"admin"}`)
	secret := d.token("y", access.Viewer, 0)
	d.expect(200, "token:y", reads, "Authorization", "Bearer "+secret)
	if said := d.records.Said(); len(said) != 6 || said[0] != "unix:0 access.set access anonymous may do what none does" {
		t.Errorf("the audit has %q", said)
	}
	for _, body := range []string{"{", "", `{"anonymous":"admin"}`, `{"anonymous":"root"}`} {
		d = newDoor(t, "")
		d.records.Plant(model.RecordPolicy, "access", body)
		d.expect(403, "", reads)
	}
}

// exporter-toolkit has checked the passwords of its users before.
func TestUsersOfTheWebConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(file, []byte("basic_auth_users:\n  bob: $2y$10$x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := newDoor(t, file)
	d.expect(200, "user:bob", silences, "Authorization", basic("bob", "p"))
	d.expect(403, "", applies, "Authorization", basic("bob", "p"))
	d.expect(200, "user:bob", applies, "Authorization", basic("bob", "p"), "from", "127.0.0.1:1", "host", "localhost")
	if err := d.keys.SetAnonymous(context.Background(), access.None); err != nil {
		t.Fatal(err)
	}
	secret := d.token("boss", access.Admin, 0)
	d.expect(200, "user:bob", audits, "Authorization", basic("bob", "p"))
	d.expect(200, "token:boss", applies, "Authorization", basic("bob", "p"), "X-Tocsin-Token", secret)
	d.expect(401, "", reads, "Authorization", basic("eve", "p"))
	d.expect(403, "", applies, "Authorization", basic("bob", "p"))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	d.expect(401, "", reads, "Authorization", basic("bob", "p"))
}

func TestNewTokens(t *testing.T) {
	d := newDoor(t, "")
	ctx := access.WithActor(context.Background(), model.Actor{Name: "token:boss"})
	for _, n := range []access.NewToken{
		{Name: "", Role: access.Viewer},
		{Name: "a b", Role: access.Viewer},
		{Name: "-a", Role: access.Viewer},
		{Name: strings.Repeat("x", 65), Role: access.Viewer},
		{Name: "a/b", Role: access.Viewer},
		{Name: "a", Role: access.None},
		{Name: "a", Role: access.Admin + 1},
		{Name: "a", Role: access.Viewer, TTL: -1},
		{Name: "a", Role: access.Viewer, TTL: access.MaxTTL + 1},
	} {
		if _, _, err := d.keys.Create(ctx, n); !errors.Is(err, access.ErrNewToken) {
			t.Errorf("%+v: %v", n, err)
		}
	}
	tok, secret, err := d.keys.Create(ctx, access.NewToken{Name: "ann@x.org", Role: access.Operator, TTL: time.Hour})
	if err != nil || tok.Hash != nil || tok.CreatedBy != "token:boss" || tok.Expires != model.Millis(d.now.Add(time.Hour).UnixMilli()) {
		t.Errorf("got %+v, %v", tok, err)
	}
	if _, _, err := d.keys.Create(ctx, access.NewToken{Name: "ann@x.org", Role: access.Viewer}); !errors.Is(err, refusal.ErrConflict) {
		t.Errorf("a second one of that name: %v", err)
	}
	all := d.keys.Tokens()
	if len(all) != 1 || fmt.Sprint(all[0]) != fmt.Sprint(tok) {
		t.Errorf("listed are %+v", all)
	}
	r, _ := d.records.Record(model.RecordAPIToken, "ann@x.org")
	if strings.Contains(string(r.Body), secret[20:]) || strings.Contains(strings.Join(d.records.Said(), ""), secret[20:]) {
		t.Error("the secret is kept")
	}
	if d.records.Said()[0] != "token:boss token.create ann@x.org role operator, until 2026-01-02T04:04:05Z" {
		t.Errorf("the audit has %q", d.records.Said())
	}
}

func TestRoles(t *testing.T) {
	for _, r := range []access.Role{access.None, access.Ingest, access.Viewer, access.Operator, access.Admin} {
		text, err := r.MarshalText()
		var back access.Role
		if err != nil || back.UnmarshalText(text) != nil || back != r {
			t.Errorf("%v came back as %v", r, back)
		}
	}
	for _, bad := range []string{"", "Admin", "root"} {
		if _, err := access.ParseRole(bad); !errors.Is(err, access.ErrRole) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for have, may := range map[access.Role]string{
		access.None: "none", access.Ingest: "none ingest", access.Viewer: "none viewer",
		access.Operator: "none ingest viewer operator", access.Admin: "none ingest viewer operator admin", access.Admin + 1: "none",
	} {
		var got []string
		for need := access.None; need <= access.Admin; need++ {
			if have.Allows(need) {
				got = append(got, need.String())
			}
		}
		if strings.Join(got, " ") != may {
			t.Errorf("%v allows %v", have, got)
		}
	}
}
