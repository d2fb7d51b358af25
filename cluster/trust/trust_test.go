package trust_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"tocsin/cluster/pki"
	"tocsin/cluster/trust"
	"tocsin/fsm/model"
)

// node is a Trust with a clock and a disk of its own.
type node struct {
	*trust.Trust
	now  time.Time
	kept []byte
	full error // of the disk
}

func open(t *testing.T, id model.NodeID, kept []byte) *node {
	t.Helper()
	n := &node{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	var err error
	n.Trust, err = trust.Open(trust.Options{
		Node: id, Kept: kept, Now: func() time.Time { return n.now }, Logger: slog.New(slog.DiscardHandler),
		Keep: func(b []byte) error {
			if n.full == nil {
				n.kept = b
			}
			return n.full
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func authorities(t *testing.T, cluster model.ClusterID, now time.Time) pki.Authorities {
	t.Helper()
	a, err := pki.NewAuthority(cluster, now)
	if err != nil {
		t.Fatal(err)
	}
	it, err := a.Item(now)
	if err != nil {
		t.Fatal(err)
	}
	ring, _ := pki.Ring{}.Add(it)
	return pki.Authorities{Ring: ring}
}

func follow(t *testing.T, n *node, a pki.Authorities) bool {
	t.Helper()
	changed, err := n.Follow(a, pki.Ring{})
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func TestMemberKeepsItsCertificateUpByItself(t *testing.T) {
	n := open(t, "n1", nil)
	a := authorities(t, "red", n.now)
	if n.Certificate() != nil || n.Cluster() != "" {
		t.Error("a new node has a certificate")
	}
	if !follow(t, n, a) || n.Cluster() != "red" || follow(t, n, a) {
		t.Error("a member has not signed its own certificate once")
	}
	first := n.Certificate()
	n.now = n.now.Add(59 * 24 * time.Hour)
	if follow(t, n, a) {
		t.Error("renewed before two thirds of its life")
	}
	n.now = n.now.Add(2 * 24 * time.Hour)
	if !follow(t, n, a) || n.Certificate().Equal(first) || !n.Certificate().NotAfter.After(first.NotAfter) {
		t.Error("not renewed after two thirds of its life")
	}
	a.Fresh = n.now.Add(time.Minute).Truncate(time.Second) // of a clock that is ahead
	second := n.Certificate()
	if !follow(t, n, a) || n.Certificate().Equal(second) || follow(t, n, a) {
		t.Error("not renewed once when all certificates were to be")
	}
	again := open(t, "n1", n.kept)
	if !again.Certificate().Equal(n.Certificate()) || !again.Bundle().Has(pki.FingerprintOf(n.Bundle()[0])) {
		t.Error("the certificate was not kept")
	}
	renamed := open(t, "n2", n.kept)
	if renamed.Cluster() != "" || !follow(t, renamed, a) || renamed.Cluster() != "red" {
		t.Error("a node under a new ID goes by its old certificate")
	}
}

func TestFullDiskLosesNothing(t *testing.T) {
	n := open(t, "n1", nil)
	a := authorities(t, "red", n.now)
	n.full = errors.New("no space")
	if _, err := n.Follow(a, pki.Ring{}); !errors.Is(err, n.full) {
		t.Errorf("follow: %v", err)
	}
	n.full = nil
	follow(t, n, a)
	if open(t, "n1", n.kept).Cluster() != "red" {
		t.Error("what could not be written was forgotten")
	}
}

func TestDamagedFileIsNoEnd(t *testing.T) {
	n := open(t, "n1", nil)
	follow(t, n, authorities(t, "red", n.now))
	for name, b := range map[string][]byte{"noise": []byte("noise"), "half": n.kept[:len(n.kept)/2], "empty object": []byte("{}")} {
		if open(t, "n1", b).Cluster() != "" {
			t.Errorf("%s: a certificate was read", name)
		}
	}
}

// shake hands over a pipe, and vets on both sides.
func shake(t *testing.T, client, server *node) (byClient, byServer error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	cfg, err := server.Server()
	if err != nil {
		t.Fatal(err)
	}
	s := tls.Server(b, cfg)
	done := make(chan error, 1)
	go func() { done <- s.HandshakeContext(t.Context()) }()
	if cfg, err = client.Client(); err != nil {
		t.Fatal(err)
	}
	c := tls.Client(a, cfg)
	if err := errors.Join(c.HandshakeContext(t.Context()), <-done); err != nil {
		t.Fatal(err)
	}
	_, byClient = client.Vet(c.ConnectionState())
	_, byServer = server.Vet(s.ConnectionState())
	return byClient, byServer
}

func TestVetBothSides(t *testing.T) {
	a, b, stranger, blue := open(t, "a", nil), open(t, "b", nil), open(t, "s", nil), open(t, "c", nil)
	red := authorities(t, "red", a.now)
	follow(t, a, red)
	follow(t, b, red)
	follow(t, blue, authorities(t, "blue", a.now))
	for name, c := range map[string]struct {
		client, server     *node
		byClient, byServer error
	}{
		"members":           {a, b, nil, nil},
		"a stranger calls":  {stranger, b, trust.ErrNotEnrolled, pki.ErrProvisional},
		"calls a stranger":  {a, stranger, pki.ErrProvisional, trust.ErrNotEnrolled},
		"of other clusters": {a, blue, pki.ErrOtherCluster, pki.ErrOtherCluster},
	} {
		byClient, byServer := shake(t, c.client, c.server)
		if !errors.Is(byClient, c.byClient) || !errors.Is(byServer, c.byServer) {
			t.Errorf("%s: client %v, server %v", name, byClient, byServer)
		}
	}
	b.SetRemoved(map[model.NodeID]bool{"a": true})
	if byClient, byServer := shake(t, a, b); byClient != nil || !errors.Is(byServer, pki.ErrRemoved) {
		t.Errorf("removed: client %v, server %v", byClient, byServer)
	}
	a.now = a.now.Add(91 * 24 * time.Hour) // its clock is wrong
	if byClient, _ := shake(t, a, b); !errors.Is(byClient, pki.ErrExpired) {
		t.Errorf("expired: %v", byClient)
	}
}

func TestRefusalsAreSaidOnceAMinuteAndPeer(t *testing.T) {
	var log bytes.Buffer
	r := &trust.Refusals{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	for i := range 10 {
		for _, host := range []string{"10.0.0.1", "10.0.0.2"} {
			r.Say("refused", &net.TCPAddr{IP: net.ParseIP(host), Port: 1000 + i}, pki.ErrExpired)
		}
	}
	if got := strings.Count(log.String(), "refused"); got != 2 || r.Count() != 20 || !strings.Contains(log.String(), "next=") {
		t.Errorf("said %d times, counted %d:\n%s", got, r.Count(), &log)
	}
}
