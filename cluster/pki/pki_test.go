package pki_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"tocsin/cluster/pki"
	"tocsin/fsm/model"
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func authority(t *testing.T, cluster model.ClusterID) *pki.Authority {
	t.Helper()
	a, err := pki.NewAuthority(cluster, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// certificate is that of a node, made in the way that nodes do.
func certificate(t *testing.T, a *pki.Authority, node model.NodeID, at time.Time) *x509.Certificate {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	asked, err := pki.NewRequest(node, key)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pki.ParseRequest(asked)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Sign(r, at)
	if err != nil {
		t.Fatal(err)
	}
	if !key.PublicKey.Equal(c.PublicKey) {
		t.Fatal("the certificate is for another key")
	}
	return c
}

func TestVet(t *testing.T) {
	ours, successor := authority(t, "red"), authority(t, "red")
	impostor, blue := authority(t, "red"), authority(t, "blue")
	bundle := pki.Bundle{ours.Certificate, successor.Certificate}
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	provisional, err := pki.Provisional("n1", key, now)
	if err != nil {
		t.Fatal(err)
	}
	web := *provisional
	web.URIs = nil
	for name, c := range map[string]struct {
		shown []*x509.Certificate
		now   time.Time
		want  error
		says  string
	}{
		"ours":              {shown: []*x509.Certificate{certificate(t, ours, "n1", now)}},
		"of the successor":  {shown: []*x509.Certificate{certificate(t, successor, "n1", now)}},
		"clock an hour off": {shown: []*x509.Certificate{certificate(t, ours, "n1", now)}, now: now.Add(-time.Hour)},
		"clock at 1970":     {shown: []*x509.Certificate{certificate(t, ours, "n1", now)}, now: time.Unix(0, 0)},
		"last minute":       {shown: []*x509.Certificate{certificate(t, ours, "n1", now)}, now: now.Add(pki.NodeLife - time.Minute)},
		"none":              {want: pki.ErrNoCertificate},
		"expired": {
			shown: []*x509.Certificate{certificate(t, ours, "n1", now)}, now: now.Add(pki.NodeLife + time.Minute),
			want: pki.ErrExpired, says: "node n1 ended on 2030-04-02 03:04 UTC; the clock here says 2030-04-02 03:05 UTC",
		},
		"of another cluster": {
			shown: []*x509.Certificate{certificate(t, blue, "n1", now)},
			want:  pki.ErrOtherCluster, says: "node n1 belongs to cluster blue, this is cluster red",
		},
		"of an impostor": {shown: []*x509.Certificate{certificate(t, impostor, "n1", now)}, want: pki.ErrUnknownAuthority},
		// The right one behind the wrong one does not help.
		"an impostor's first": {
			shown: []*x509.Certificate{certificate(t, impostor, "n1", now), certificate(t, ours, "n1", now)},
			want:  pki.ErrUnknownAuthority,
		},
		"the authority itself": {shown: []*x509.Certificate{ours.Certificate}, want: pki.ErrForeign},
		"provisional":          {shown: []*x509.Certificate{provisional}, want: pki.ErrProvisional},
		"of a web server":      {shown: []*x509.Certificate{&web}, want: pki.ErrForeign},
		"removed":              {shown: []*x509.Certificate{certificate(t, ours, "gone", now)}, want: pki.ErrRemoved, says: "gone"},
	} {
		at := c.now
		if at.IsZero() {
			at = now
		}
		who, err := bundle.Vet(c.shown, pki.Vetting{
			Cluster: "red", Now: at, Removed: func(id model.NodeID) bool { return id == "gone" },
		})
		if !errors.Is(err, c.want) || c.want == nil && who != (pki.Name{Cluster: "red", Node: "n1"}) {
			t.Errorf("%s: %v, %v, want %v", name, who, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: says %q, want %q in it", name, err, c.says)
		}
		if err != nil && pki.Next(err) == "" {
			t.Errorf("%s: nothing is said on what to do about %v", name, err)
		}
	}
}

func TestCertificatesOfNodesSignNothing(t *testing.T) {
	a := authority(t, "red")
	c := certificate(t, a, "n1", now)
	if c.IsCA || c.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Error("the certificate of a node may sign others")
	}
	if life := c.NotAfter.Sub(pki.Issued(c)); life != pki.NodeLife {
		t.Errorf("good for %v, want %v", life, pki.NodeLife)
	}
	if want := now.Add(60 * 24 * time.Hour); !pki.Due(c).Equal(want) {
		t.Errorf("due at %v, want %v", pki.Due(c), want)
	}
	// And the standard library agrees with all of it.
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	if _, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
}

func TestBadNamesAreRefused(t *testing.T) {
	for _, id := range []string{"", "a/b", "a b", "ä", "a@b", "a%2fb", strings.Repeat("a", 129)} {
		if _, err := pki.NewAuthority(model.ClusterID(id), now); !errors.Is(err, pki.ErrBadName) {
			t.Errorf("authority of %q: %v", id, err)
		}
		key, _ := pki.NewKey()
		if _, err := authority(t, "red").Sign(pki.Request{Node: model.NodeID(id), Key: &key.PublicKey}, now); !errors.Is(err, pki.ErrBadName) {
			t.Errorf("certificate of %q: %v", id, err)
		}
	}
}

func TestRequestsAreChecked(t *testing.T) {
	key, _ := pki.NewKey()
	good, err := pki.NewRequest("n1", key)
	if err != nil {
		t.Fatal(err)
	}
	forged := append([]byte(nil), good...)
	forged[len(forged)-1] ^= 1
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := pki.NewRequest("n1", weak)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "forged": forged, "cut": good[:50], "another curve": other} {
		if _, err := pki.ParseRequest(b); !errors.Is(err, pki.ErrBadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAuthorityIsKeptWhole(t *testing.T) {
	a, b := authority(t, "red"), authority(t, "red")
	key, err := a.MarshalKey()
	if err != nil {
		t.Fatal(err)
	}
	again, err := pki.ParseAuthority(a.Certificate.Raw, key)
	if err != nil {
		t.Fatal(err)
	}
	c := certificate(t, again, "n1", now)
	if (pki.Bundle{a.Certificate}).Signer(c) == nil {
		t.Error("an authority that was kept signs otherwise than before")
	}
	if _, err := pki.ParseAuthority(b.Certificate.Raw, key); !errors.Is(err, pki.ErrMalformed) {
		t.Errorf("the key of another: %v", err)
	}
	if _, err := pki.ParseAuthority(a.Certificate.Raw, key[:20]); !errors.Is(err, pki.ErrMalformed) {
		t.Errorf("half a key: %v", err)
	}
}

func TestBundleIsKeptWhole(t *testing.T) {
	a, b := authority(t, "red"), authority(t, "red")
	got, err := pki.ParseBundle(pki.Bundle{a.Certificate, b.Certificate}.Raw())
	if err != nil || len(got) != 2 || !got.Has(b.Fingerprint()) || got.Cluster() != "red" {
		t.Errorf("%v, %v", got, err)
	}
	node := certificate(t, a, "n1", now)
	for name, raw := range map[string][][]byte{
		"nothing": nil, "noise": {[]byte("noise")}, "of a node": {node.Raw},
		"too many": {a.Certificate.Raw, a.Certificate.Raw, a.Certificate.Raw, a.Certificate.Raw, a.Certificate.Raw, a.Certificate.Raw, a.Certificate.Raw, a.Certificate.Raw, a.Certificate.Raw},
	} {
		if _, err := pki.ParseBundle(raw); !errors.Is(err, pki.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if mixed := (pki.Bundle{a.Certificate, authority(t, "blue").Certificate}).Cluster(); mixed != "" {
		t.Errorf("a mixed bundle is of cluster %s", mixed)
	}
}
