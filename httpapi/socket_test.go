package httpapi_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"tocsin/httpapi"
	"tocsin/httpapi/access"
)

func socketClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}
}

// Who reaches the socket may do all, whatever TLS and users the other listeners
// want, and is named by his number.
func TestAdminSocket(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(config, []byte("basic_auth_users:\n  anna: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, func(o *httpapi.Options) { o.Web.ConfigFile = config })
	if err := n.keys.SetAnonymous(t.Context(), access.None); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "admin.sock")
	l, err := httpapi.ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v, %v", info.Mode(), err)
	}
	served := make(chan error, 1)
	go func() { served <- n.server.ServeSocket(l) }()
	status, body := fetch(t, socketClient(path), "http://localhost/api/tocsin/v1/tokens", nil)
	if status != http.StatusOK || body != "{\"tokens\":[]}\n" {
		t.Errorf("got %d %s", status, body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/tocsin/v1/tokens", strings.NewReader(`{"name":"a","role":"viewer"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := socketClient(path).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	said := n.records.Said()
	if want := fmt.Sprintf("unix:%d token.create a", os.Getuid()); resp.StatusCode != 201 || !strings.HasPrefix(said[len(said)-1], want) {
		t.Errorf("got %d, the audit has %q", resp.StatusCode, said)
	}
	if _, err := httpapi.ListenSocket(path); !errors.Is(err, httpapi.ErrSocketInUse) {
		t.Errorf("a second one: %v", err)
	}
	if err := n.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the end it is still there: %v", err)
	}
}

// What a killed node left is taken away; what is no socket is not.
func TestAdminSocketLeftBehind(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "left.sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: left, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := httpapi.ListenSocket(left)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := httpapi.ListenSocket(file); err == nil {
		t.Error("a file was taken for a socket")
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("the file is %q, %v", text, err)
	}
	if _, err := httpapi.ListenSocket(filepath.Join(dir, strings.Repeat("x", 120))); err == nil {
		t.Error("a path that is too long was taken")
	}
}

// Tokens beside exporter-toolkit's TLS and users. The header that says that a
// proxy speaks keeps the requests from being this machine's.
func TestTLSAndTokens(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	const onlyTLS = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
	for name, f := range map[string]struct {
		config string
		// want are the answers to: nobody, a token, the user, the user with a
		// token, a browser that has the token for a password.
		want [5]int
	}{
		"TLS":           {onlyTLS, [5]int{401, 200, 401, 200, 200}},
		"TLS and users": {onlyTLS + "basic_auth_users:\n  anna: " + string(hash) + "\n", [5]int{401, 401, 403, 200, 401}},
	} {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(dir, "web.yml")
			if err := os.WriteFile(config, []byte(f.config), 0o600); err != nil {
				t.Fatal(err)
			}
			n := newNode(t, func(o *httpapi.Options) { o.Web.ConfigFile = config })
			token := n.token(t, "boss", access.Admin, 0)
			l := listen(t, 1)[0]
			served := make(chan error, 1)
			go func() { served <- n.server.Serve(l) }()
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
			for i, change := range []func(*http.Request){
				func(*http.Request) {},
				bearer(token),
				func(r *http.Request) { r.SetBasicAuth("anna", "secret") },
				func(r *http.Request) { r.SetBasicAuth("anna", "secret"); r.Header.Set(access.TokenHeader, token) },
				func(r *http.Request) { r.SetBasicAuth("anna", token) },
			} {
				status, body := fetch(t, client, "https://"+l.Addr().String()+"/api/tocsin/v1/tokens", func(r *http.Request) {
					r.Header.Set("Via", "1.1 proxy")
					change(r)
				})
				if status != f.want[i] {
					t.Errorf("caller %d: got %d %s, want %d", i, status, body, f.want[i])
				}
				if strings.Contains(body, token[20:]) {
					t.Error("the token's secret is in an answer")
				}
			}
			if err := n.server.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}
