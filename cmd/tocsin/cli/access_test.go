package cli_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tokenList = `{"tokens":[
{"name":"ann","role":"operator","id":"0a","created":"2026-01-02T03:04:05.000Z","created_by":"unix:0","expires":"2026-04-02T03:04:05.000Z","expired":true},
{"name":"prom","role":"ingest","id":"0b","created":"2026-01-02T03:04:05.000Z","created_by":"local"}]}`

func TestTokenCommands(t *testing.T) {
	const path = "/api/tocsin/v1/tokens"
	n := newNode(t, map[string]answer{
		"GET " + path: {body: tokenList}, "DELETE " + path + "/ann": {body: tokenList},
		"DELETE " + path + "/nobody": {code: 404, body: `{"error":"there is no such token"}`},
		"POST " + path:               {code: 201, body: `{"name":"ci","role":"admin","id":"0c","expires":"2026-04-02T03:04:05.000Z","secret":"tocsin_0c_hush"}`},
	})
	got := n.run("token", "list")
	golden(t, "token_list.txt", got.out)
	if got := n.run("token", "list", "-o", "json"); got.code != 0 || !strings.Contains(got.out, `"expired": true`) {
		t.Errorf("%+v", got)
	}
	if got := n.run("token", "revoke", "ann"); got.code != 0 || got.out != "The token ann is revoked.\n" {
		t.Errorf("%+v", got)
	}
	if got := n.run("token", "revoke", "nobody"); got.code != 1 || !strings.Contains(got.err, "tocsin token list") {
		t.Errorf("%+v", got)
	}
	got = n.run("token", "create", "ci", "--role", "admin", "--ttl", "90d")
	if got.code != 0 || !strings.Contains(got.out, "\n\ntocsin_0c_hush\n") || !strings.Contains(got.out, "until 2026-04-02") {
		t.Errorf("%+v", got)
	}
	if last := n.asked[len(n.asked)-1]; last.body != `{"name":"ci","role":"admin","ttl_seconds":7776000}` {
		t.Errorf("asked %s", last.body)
	}
	if got := n.run("token", "create", "--name", "ci", "--role", "admin", "-o", "json"); got.code != 0 || !strings.Contains(got.out, `"secret": "tocsin_0c_hush"`) {
		t.Errorf("%+v", got)
	}
	for _, args := range [][]string{
		{"token", "create", "--role", "admin"},
		{"token", "create", "ci"},
		{"token", "create", "ci", "--role", "admin", "--ttl", "soon"},
		{"token", "revoke"},
		{"token", "lsit"},
		{"access", "set"},
		{"audit", "list", "--limit", "0"},
		{"audit", "list", "--since", "yesterday"},
	} {
		before := len(n.asked)
		if got := n.run(args...); got.code != 2 || len(n.asked) != before {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

// The secret goes into a file that only its owner reads, and nowhere else; there
// is none if the token cannot be made.
func TestTokenToAFile(t *testing.T) {
	n := newNode(t, map[string]answer{
		"POST /api/tocsin/v1/tokens": {code: 201, body: `{"name":"ci","role":"admin","id":"0c","secret":"tocsin_0c_hush"}`},
	})
	file := filepath.Join(t.TempDir(), "token")
	got := n.run("token", "create", "ci", "--role", "admin", "--to", file)
	text, err := os.ReadFile(file)
	if got.code != 0 || err != nil || string(text) != "tocsin_0c_hush\n" || strings.Contains(got.out+got.err, "hush") {
		t.Errorf("%+v, the file has %q, %v", got, text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	asked := len(n.asked)
	if got := n.run("token", "create", "ci", "--role", "admin", "--to", file); got.code != 1 || len(n.asked) != asked {
		t.Errorf("into a file that is there: %+v", got)
	}
	n.answers["POST /api/tocsin/v1/tokens"] = answer{code: 409, body: `{"error":"there is a token \"ci\" already"}`}
	other := filepath.Join(t.TempDir(), "other")
	if got := n.run("token", "create", "ci", "--role", "admin", "--to", other); got.code != 1 {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(other); !os.IsNotExist(err) {
		t.Errorf("an empty file was left: %v", err)
	}
}

// No join token is made whose text would be lost.
func TestJoinTokenToAFileThatIsThere(t *testing.T) {
	n := newNode(t, map[string]answer{})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"raft", "token", "create", "--out", file},
		{"raft", "token", "create", "--offline", "--out", file},
	} {
		if got := n.run(args...); got.code != 1 || len(n.asked) > 0 || !strings.Contains(got.err, "file exists") {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
		t.Errorf("the file has %q, %v", text, err)
	}
}

func TestAccessCommands(t *testing.T) {
	n := newNode(t, map[string]answer{
		"GET /api/tocsin/v1/access": {body: `{"anonymous":"operator","tokens":2}`},
		"PUT /api/tocsin/v1/access": {body: `{"anonymous":"none","tokens":0}`},
	})
	if got := n.run("access", "show"); got.code != 0 || got.out != "Without a token: operator. Tokens: 2.\n" {
		t.Errorf("%+v", got)
	}
	got := n.run("access", "set", "--anonymous", "none")
	if got.code != 0 || !strings.Contains(got.out, "tocsin token create") || n.asked[1].body != `{"anonymous":"none"}` {
		t.Errorf("%+v, asked %+v", got, n.asked)
	}
}

func TestAuditList(t *testing.T) {
	n := newNode(t, map[string]answer{"GET /api/tocsin/v1/audit": {body: `{"audit":[
{"seq":2,"at":"2026-01-02T03:04:05.000Z","who":"token:ann","from":"10.0.0.9","node":"id-a","node_name":"a","action":"silence.create","target":"5a","outcome":"ok","detail":"{a=\"b\"} until 2026","index":9},
{"seq":1,"at":"2026-01-02T03:04:04.000Z","who":"local","node":"id-b","action":"config.apply","outcome":"conflict","index":8}]}`}})
	got := n.run("audit", "list", "--who", "ann", "--action", "silence", "--target", "5a", "--since", "2026-01-02T03:04:05+01:00", "--before", "7", "-n", "3")
	golden(t, "audit_list.txt", got.out)
	want := "GET /api/tocsin/v1/audit?action=silence&before=7&limit=3&since=2026-01-02T02%3A04%3A05Z&target=5a&who=ann"
	if got.code != 0 || n.asked[0].what != want {
		t.Errorf("%+v, asked %s", got, n.asked[0].what)
	}
	if got := n.run("audit", "list", "-o", "json", "--since", "7d"); got.code != 0 || !strings.Contains(got.out, `"who": "token:ann"`) || !strings.Contains(n.asked[1].what, "since=") {
		t.Errorf("%+v", got)
	}
}

// The token of a file is sent, in the header that is free, and not to where a
// node leads to.
func TestTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("  tocsin_x_y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []http.Header
	lead := ""
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header)
		if lead != "" {
			http.Redirect(w, r, lead, http.StatusFound)
			return
		}
		w.Write([]byte(`{"anonymous":"none","tokens":1}`))
	})
	one, two := httptest.NewServer(handler), httptest.NewServer(handler)
	defer one.Close()
	defer two.Close()
	withUser := strings.Replace(one.URL, "http://", "http://u:p@", 1)
	for _, address := range []string{one.URL, withUser} {
		if r := run("", "access", "show", "--address", address, "--token-file", file); r.code != 0 {
			t.Fatalf("%+v", r)
		}
	}
	if got[0].Get("Authorization") != "Bearer tocsin_x_y" || got[0].Get("X-Tocsin-Token") != "" {
		t.Errorf("without a user it sent %v", got[0])
	}
	if !strings.HasPrefix(got[1].Get("Authorization"), "Basic ") || got[1].Get("X-Tocsin-Token") != "tocsin_x_y" {
		t.Errorf("with a user it sent %v", got[1])
	}
	t.Setenv("TOCSIN_TOKEN_FILE", file)
	if r := run("", "access", "show", "--address", one.URL); r.code != 0 || got[2].Get("Authorization") != "Bearer tocsin_x_y" {
		t.Errorf("by the environment: %+v %v", r, got[2])
	}
	lead = two.URL
	if r := run("", "access", "show", "--address", withUser); r.code == 0 || len(got) != 4 {
		t.Errorf("it went where it was led to: %+v, %d requests", r, len(got))
	}
	for _, bad := range []string{"", "two words", "a\nb"} {
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := run("", "access", "show", "--address", one.URL); r.code != 1 || !strings.Contains(r.err, "token create") || len(got) != 4 {
			t.Errorf("%q: %+v", bad, r)
		}
	}
}

// The admin socket in the data folder is used where no address is given, and a
// dead one is not.
func TestAdminSocketIsFound(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TOCSIN_ADDRESS", "")
	if err := os.Mkdir("data", 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", "data/admin.sock")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "localhost" {
			t.Errorf("it asked the host %s", r.Host)
		}
		w.Write([]byte(`{"anonymous":"viewer","tokens":7}`))
	})}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(l) }()
	const want = "Without a token: viewer. Tokens: 7.\n"
	if r := run("", "access", "show"); r.code != 0 || r.out != want {
		t.Errorf("%+v", r)
	}
	path, err := filepath.Abs("data/admin.sock")
	if err != nil {
		t.Fatal(err)
	}
	if r := run("", "access", "show", "--address", "unix://"+path); r.code != 0 || r.out != want {
		t.Errorf("by its address: %+v", r)
	}
	n := newNode(t, map[string]answer{"GET /api/tocsin/v1/access": {body: `{"anonymous":"none","tokens":1}`}})
	if r := n.run("access", "show"); r.out != "Without a token: none. Tokens: 1.\n" {
		t.Errorf("another address was given: %+v", r)
	}
	t.Setenv("TOCSIN_ADDRESS", n.URL)
	if r := run("", "access", "show"); r.out != "Without a token: none. Tokens: 1.\n" {
		t.Errorf("another address is in the environment: %+v", r)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	<-done
	if r := run("", "access", "show", "--address", "unix://"+path); r.code != 1 || !strings.Contains(r.err, path) {
		t.Errorf("a dead socket: %+v", r)
	}
}
