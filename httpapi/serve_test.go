package httpapi_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"tocsin/httpapi"
)

// listen opens count listeners on free ports of loopback.
func listen(t *testing.T, count int) []net.Listener {
	t.Helper()
	addresses := make([]string, count)
	for i := range addresses {
		addresses[i] = "127.0.0.1:0"
	}
	out, err := httpapi.Listen(addresses, false)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func fetch(t *testing.T, client *http.Client, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServeAndShutdown(t *testing.T) {
	var log lockedBuffer
	n, arrived, let := alertsThatWait(t, func(o *httpapi.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	listeners := listen(t, 2)
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(listeners...) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, l := range listeners {
		if status, body := fetch(t, client, "http://"+l.Addr().String()+"/-/healthy", nil); status != http.StatusOK || body != "OK" {
			t.Errorf("%s: got %d %q", l.Addr(), status, body)
		}
		if !regexp.MustCompile(`msg="Listening on" address=` + regexp.QuoteMeta(l.Addr().String())).MatchString(log.String()) {
			t.Errorf("%s is not in the log: %s", l.Addr(), log.String())
		}
	}

	answered := make(chan int, 1)
	go func() {
		status, _ := fetch(t, client, "http://"+listeners[0].Addr().String()+"/api/v2/alerts", nil)
		answered <- status
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- n.server.Shutdown(t.Context()) }()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	let()
	if status := <-answered; status != http.StatusOK {
		t.Errorf("a request under way at the end: got %d", status)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestShutdownDoesNotWaitForEver(t *testing.T) {
	n, arrived, let := alertsThatWait(t, func(*httpapi.Options) {})
	defer let()
	listeners := listen(t, 1)
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(listeners...) }()
	go func() {
		resp, err := http.Get("http://" + listeners[0].Addr().String() + "/api/v2/alerts")
		if err == nil {
			resp.Body.Close()
		}
	}()
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := n.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestServeFailsAsAWhole(t *testing.T) {
	n := newNode(t, nil)
	listeners := listen(t, 2)
	listeners[1].Close()
	if err := n.server.Serve(listeners...); err == nil {
		t.Error("a closed listener: no error")
	}
}

func TestListenFailsAsAWhole(t *testing.T) {
	taken := listen(t, 1)[0]
	defer taken.Close()
	if _, err := httpapi.Listen([]string{"127.0.0.1:0", taken.Addr().String()}, false); err == nil {
		t.Error("no error")
	}
	for _, bad := range []string{"vsock://", "vsock://:x"} {
		if _, err := httpapi.Listen([]string{bad}, false); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
	if _, err := httpapi.Listen(nil, true); !errors.Is(err, httpapi.ErrNoSockets) {
		t.Errorf("without systemd: got %v", err)
	}
}

func TestTLSAndUsers(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	config := filepath.Join(dir, "web.yml")
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  anna: %s\n", hash)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n := newNode(t, func(o *httpapi.Options) { o.Web.ConfigFile = config })
	listeners := listen(t, 2)
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(listeners...) }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	for _, l := range listeners {
		url := "https://" + l.Addr().String() + "/-/healthy"
		if status, _ := fetch(t, client, url, nil); status != http.StatusUnauthorized {
			t.Errorf("nobody: got %d", status)
		}
		if status, _ := fetch(t, client, url, func(r *http.Request) { r.SetBasicAuth("anna", "wrong") }); status != http.StatusUnauthorized {
			t.Errorf("a wrong password: got %d", status)
		}
		if status, body := fetch(t, client, url, func(r *http.Request) { r.SetBasicAuth("anna", "secret") }); status != http.StatusOK || body != "OK" {
			t.Errorf("the right password: got %d %q", status, body)
		}
	}
	if err := n.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// certificate writes cert.pem and key.pem for 127.0.0.1, and trusts them.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: der},
	} {
		text := pem.EncodeToMemory(block)
		pool.AppendCertsFromPEM(text)
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
