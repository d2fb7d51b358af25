package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/app"
)

// ownPKI writes the files of an operator's own authority: one certificate for
// all nodes, on loopback, and the file for --cluster.tls-config.
func ownPKI(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	caKey, nodeKey := newKey(t), newKey(t)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "our own"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	writePEM(t, dir, "ca.pem", "CERTIFICATE", sign(t, ca, ca, caKey, caKey))
	writePEM(t, dir, "node.pem", "CERTIFICATE", sign(t, leaf, ca, nodeKey, caKey))
	key, err := x509.MarshalPKCS8PrivateKey(nodeKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, dir, "node.key", "PRIVATE KEY", key)
	text := `tls_server_config:
  cert_file: node.pem
  key_file: node.key
  client_ca_file: ca.pem
  client_auth_type: VerifyClientCertIfGiven
tls_client_config:
  cert_file: node.pem
  key_file: node.key
  ca_file: ca.pem
`
	path := filepath.Join(dir, "tls.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, c, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, dir, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// onLoopback is a node on the real network, with the given settings changed.
func onLoopback(t *testing.T, change func(*app.Settings)) (*app.Node, error) {
	t.Helper()
	return onLoopbackWith(t, nil, change)
}

func onLoopbackWith(t *testing.T, logger *slog.Logger, change func(*app.Settings)) (*app.Node, error) {
	t.Helper()
	s := app.DefaultSettings()
	s.DataDir = t.TempDir()
	s.ConfigFile = filepath.Join(t.TempDir(), "c.yml")
	if err := os.WriteFile(s.ConfigFile, []byte("route: {receiver: x}\nreceivers: [{name: x}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Cluster.ListenAddress, s.Raft.ListenAddress = "127.0.0.1:0", "127.0.0.1:0"
	change(&s)
	n, err := app.Open(t.Context(), app.Options{Settings: s, Logger: logger, Replace: app.Replace{NoWeb: true}})
	if err == nil {
		t.Cleanup(func() { _ = n.Close(context.Background()) })
	}
	return n, err
}

func TestOwnCertificatesBetweenNodes(t *testing.T) {
	own := ownPKI(t)
	var log lines
	a, err := onLoopbackWith(t, slog.New(slog.NewTextHandler(&log, nil)), func(s *app.Settings) { s.Cluster.TLSConfigFile = own })
	if err != nil {
		t.Fatal(err)
	}
	<-a.Ready()
	b, err := onLoopback(t, func(s *app.Settings) { s.Cluster.TLSConfigFile, s.Cluster.Peers = own, []string{a.GossipAddress()} })
	if err != nil {
		t.Fatal(err)
	}
	<-b.Ready()
	if x, y := a.Cluster().Status().ClusterID, b.Cluster().Status().ClusterID; x != y || x == "" {
		t.Errorf("clusters %q and %q", x, y)
	}
	if s := b.Cluster().Security(t.Context()); !s.Own || s.CertificateEnds.IsZero() {
		t.Errorf("security %+v", s)
	}
	// Who has none is refused, and it is said: certificates end on a night.
	if conn, err := tls.Dial("tcp", a.Cluster().RaftAddress(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"tocsin-raft/1"}}); err == nil {
		_, err = conn.Read(make([]byte, 1))
		_ = conn.Close()
		if err == nil {
			t.Error("who has no certificate is answered")
		}
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "provide a certificate"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nobody says that it was refused:\n%s", log.String())
		}
	}
	// A node with certificates of Tocsin's does not get in.
	c, err := onLoopback(t, func(s *app.Settings) { s.Cluster.Peers = []string{a.GossipAddress()} })
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(c.Cluster().Status().Waiting, "tls"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the node without them is %+v", c.Cluster().Status())
		}
	}
	if len(a.Cluster().Status().Peers) > 3 || a.Cluster().Quorum().Voters > 2 {
		t.Errorf("a stranger got in: %+v", a.Cluster().Status())
	}
}

func TestBadSecurityFlags(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := ownPKI(t)
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	from := func(name, old, new string) string {
		path := filepath.Join(filepath.Dir(good), name)
		if err := os.WriteFile(path, []byte(strings.Replace(string(b), old, new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for want, c := range map[string]struct{ token, tls string }{
		"no such file":                 {token: filepath.Join(dir, "none")},
		"a token begins with":          {token: write("noise", "hello")},
		"typing error":                 {token: write("typo", "tocsin-join-1-aaaa")},
		"exclude each other":           {token: write("both", "x"), tls: good},
		"no tls_server_config":         {tls: write("empty", "{}")},
		"client_ca_file":               {tls: from("noca.yml", "  client_ca_file: ca.pem\n  client_auth_type: VerifyClientCertIfGiven\n", "")},
		"name this node's certificate": {tls: from("noclient.yml", "tls_client_config:\n  cert_file: node.pem\n  key_file: node.key\n", "tls_client_config:\n")},
		"field nonsense not found":     {tls: from("strict.yml", "tls_server_config:", "nonsense: 1\ntls_server_config:")},
	} {
		_, err := onLoopback(t, func(s *app.Settings) { s.Cluster.JoinTokenFile, s.Cluster.TLSConfigFile = c.token, c.tls })
		if err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}
