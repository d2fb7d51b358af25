package mux_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/cluster/clustertest"
	"tocsin/cluster/mux"
)

func start(t *testing.T, m *mux.Mux) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// echo answers everything on l with the same bytes behind a tag.
func echo(wg *sync.WaitGroup, l net.Listener, tag string) {
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				b := make([]byte, 5)
				if _, err := io.ReadFull(c, b); err == nil {
					_, _ = c.Write(append([]byte(tag), b...))
				}
			})
		}
	})
}

func ask(t *testing.T, c net.Conn) string {
	t.Helper()
	defer c.Close()
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestProtocolsOverLoopback(t *testing.T) {
	m := mux.New(mux.Options{Listener: loopback(t)})
	var wg sync.WaitGroup
	echo(&wg, m.Protocol(mux.ProtocolRaft), "raft ")
	echo(&wg, m.Protocol(mux.ProtocolRPC), "rpc ")
	stop := start(t, m)
	d := mux.Dialer{}
	for protocol, want := range map[string]string{mux.ProtocolRaft: "raft hello", mux.ProtocolRPC: "rpc hello"} {
		c, err := d.Connect(t.Context(), m.Addr().String(), protocol)
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, c); got != want {
			t.Errorf("%s answered %q, want %q", protocol, got, want)
		}
	}
	stop()
	wg.Wait()
}

func TestUnknownProtocolIsClosed(t *testing.T) {
	m := mux.New(mux.Options{Listener: loopback(t)})
	_ = m.Protocol(mux.ProtocolRaft)
	defer start(t, m)()
	d := mux.Dialer{}
	c, err := d.Connect(t.Context(), m.Addr().String(), "tocsin-nobody/9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := io.ReadAll(c); err == nil && len(b) > 0 {
		t.Errorf("got %q from a protocol that nobody listens for", b)
	}
	if m.Refused() != 1 {
		t.Errorf("refused %d, want 1", m.Refused())
	}
}

func TestSilentConnectionIsClosedAfterTheHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := clustertest.New(1)
		l, err := n.Host("10.0.0.1").Listen(9095)
		if err != nil {
			t.Fatal(err)
		}
		m := mux.New(mux.Options{Listener: l, MaxUnidentified: 4})
		defer start(t, m)()
		begin := time.Now()
		var conns []net.Conn
		for range 3 {
			c, err := n.Host("10.0.0.2").Dial(t.Context(), "10.0.0.1:9095")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conns = append(conns, c)
			synctest.Wait()
		}
		// The third is one too many from one address and is closed at once, the
		// first two after the timeout.
		for i, want := range []time.Duration{5 * time.Second, 5 * time.Second, 0} {
			if i == 2 {
				begin = time.Now()
			}
			if _, err := conns[i].Read(make([]byte, 1)); err == nil {
				t.Fatalf("connection %d lives", i)
			}
			if took := time.Since(begin); took != want {
				t.Errorf("connection %d was closed after %v, want %v", i, took, want)
			}
		}
	})
}

func TestCloseEndsConnections(t *testing.T) {
	m := mux.New(mux.Options{Listener: loopback(t)})
	l := m.Protocol(mux.ProtocolRaft)
	stop := start(t, m)
	d := mux.Dialer{}
	c, err := d.Connect(t.Context(), m.Addr().String(), mux.ProtocolRaft)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := far.Read(make([]byte, 1)); err == nil {
		t.Error("an accepted connection outlived the mux")
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after close: %v, want net.ErrClosed", err)
	}
}

func TestListenerCanBeReopened(t *testing.T) {
	m := mux.New(mux.Options{Listener: loopback(t)})
	defer start(t, m)()
	first := m.Protocol(mux.ProtocolRaft)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	second := m.Protocol(mux.ProtocolRaft)
	echo(&wg, second, "again ")
	d := mux.Dialer{}
	c, err := d.Connect(t.Context(), m.Addr().String(), mux.ProtocolRaft)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, c); got != "again hello" {
		t.Errorf("got %q", got)
	}
	_ = second.Close()
	wg.Wait()
}

// authority signs certificates for the test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	a.key, a.cert = issue(t, nil, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.pool.AddCert(a.cert)
	return a
}

func issue(t *testing.T, by *authority, tmpl *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if tmpl.SerialNumber == nil {
		tmpl.SerialNumber = big.NewInt(1)
	}
	parent, signer := tmpl, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func (a *authority) leaf(t *testing.T, serial int64) tls.Certificate {
	t.Helper()
	key, cert := issue(t, a, &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "node"},
		DNSNames:     []string{"node.test"},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func TestMutualTLSWithReload(t *testing.T) {
	ca := newAuthority(t)
	var current atomic.Pointer[tls.Certificate]
	first, second := ca.leaf(t, 100), ca.leaf(t, 200)
	current.Store(&first)
	m := mux.New(mux.Options{
		Listener: loopback(t),
		TLS: func() (*tls.Config, error) {
			return &tls.Config{
				Certificates: []tls.Certificate{*current.Load()},
				ClientAuth:   tls.RequireAndVerifyClientCert,
				ClientCAs:    ca.pool,
			}, nil
		},
	})
	var wg sync.WaitGroup
	echo(&wg, m.Protocol(mux.ProtocolRaft), "raft ")
	echo(&wg, m.Protocol(mux.ProtocolRPC), "rpc ")
	stop := start(t, m)
	var serial atomic.Int64
	client := func() (*tls.Config, error) {
		return &tls.Config{
			Certificates: []tls.Certificate{first},
			RootCAs:      ca.pool,
			ServerName:   "node.test",
			VerifyConnection: func(s tls.ConnectionState) error {
				serial.Store(s.PeerCertificates[0].SerialNumber.Int64())
				return nil
			},
		}, nil
	}
	d := mux.Dialer{TLS: client}
	for _, want := range []int64{100, 200} {
		c, err := d.Connect(t.Context(), m.Addr().String(), mux.ProtocolRPC)
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, c); got != "rpc hello" {
			t.Errorf("got %q", got)
		}
		if serial.Load() != want {
			t.Errorf("server showed certificate %d, want %d", serial.Load(), want)
		}
		current.Store(&second)
	}
	stop()
	wg.Wait()
}

func TestTLSRefusesStrangers(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	leaf, stranger := ca.leaf(t, 1), other.leaf(t, 1)
	m := mux.New(mux.Options{
		Listener: loopback(t),
		TLS: func() (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{leaf}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool}, nil
		},
	})
	var wg sync.WaitGroup
	echo(&wg, m.Protocol(mux.ProtocolRaft), "")
	stop := start(t, m)
	config := func(cert tls.Certificate) func() (*tls.Config, error) {
		return func() (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: ca.pool, ServerName: "node.test"}, nil
		}
	}
	for name, d := range map[string]mux.Dialer{
		"no tls":              {},
		"foreign certificate": {TLS: config(stranger)},
		"known certificate":   {TLS: config(leaf)},
	} {
		c, err := d.Connect(t.Context(), m.Addr().String(), mux.ProtocolRaft)
		answered := false
		if err == nil {
			_, _ = c.Write([]byte("hello"))
			b, _ := io.ReadAll(c)
			answered = string(b) == "hello"
			_ = c.Close()
		}
		if want := name == "known certificate"; answered != want {
			t.Errorf("%s: answered %v, want %v (%v)", name, answered, want, err)
		}
	}
	// A protocol that nobody listens for fails the handshake itself.
	d := mux.Dialer{TLS: config(leaf)}
	if _, err := d.Connect(t.Context(), m.Addr().String(), mux.ProtocolExchange); err == nil {
		t.Error("a protocol that nobody listens for was agreed on")
	}
	stop()
	wg.Wait()
}
