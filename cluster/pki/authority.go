package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"tocsin/fsm/model"
)

// Authority signs the certificates of a cluster's nodes.
type Authority struct {
	Certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// How long certificates are good. A node renews its own after two thirds.
const (
	NodeLife      = 90 * 24 * time.Hour
	AuthorityLife = 20 * 365 * 24 * time.Hour
	// backdated is how much earlier than now a certificate begins: programs that
	// look at it from outside may have clocks that are behind.
	backdated = 24 * time.Hour
)

// NewAuthority makes an authority for a cluster. Error: ErrBadName.
func NewAuthority(cluster model.ClusterID, now time.Time) (*Authority, error) {
	name := Name{Cluster: cluster}
	if err := name.check(); err != nil {
		return nil, err
	}
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"Tocsin"}, CommonName: "Tocsin cluster " + string(cluster)},
		URIs:                  []*url.URL{name.uri()},
		NotBefore:             now.Add(-backdated),
		NotAfter:              now.Add(AuthorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := create(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: cert, key: key}, nil
}

// Cluster is the one that the authority is for.
func (a *Authority) Cluster() model.ClusterID {
	name, err := NameOf(a.Certificate)
	if err != nil {
		return ""
	}
	return name.Cluster
}

// Fingerprint is the authority's, as people and tokens name it.
func (a *Authority) Fingerprint() Fingerprint { return FingerprintOf(a.Certificate) }

// Sign makes the certificate of a node from what it asked for. Errors:
// ErrBadRequest, ErrBadName.
func (a *Authority) Sign(r Request, now time.Time) (*x509.Certificate, error) {
	name := Name{Cluster: a.Cluster(), Node: r.Node}
	if err := name.check(); err != nil || r.Node == "" {
		return nil, fmt.Errorf("%w: node %q", ErrBadName, r.Node)
	}
	return create(&x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{Organization: []string{"Tocsin"}, CommonName: string(r.Node)},
		URIs:         []*url.URL{name.uri()},
		NotBefore:    now.Add(-backdated),
		NotAfter:     now.Add(NodeLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.Certificate, r.Key, a.key)
}

// Issued is when a node's certificate was signed.
func Issued(c *x509.Certificate) time.Time { return c.NotBefore.Add(backdated) }

// Due is when a node's certificate is to be renewed: after two thirds of its
// life, counted from when it was signed.
func Due(c *x509.Certificate) time.Time {
	issued := Issued(c)
	return issued.Add(c.NotAfter.Sub(issued) / 3 * 2)
}

// Provisional is a certificate that says nothing: a node that has no other yet
// needs one to speak TLS at all.
func Provisional(node model.NodeID, key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{Organization: []string{"Tocsin"}, CommonName: "not a member yet: " + string(node)},
		URIs:         []*url.URL{Name{Node: node}.uri()},
		NotBefore:    now.Add(-backdated),
		NotAfter:     now.Add(AuthorityLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	return create(template, template, &key.PublicKey, key)
}

// NewKey makes a private key of the kind that all certificates here have.
func NewKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a private key: %w", err)
	}
	return key, nil
}

func create(template, parent *x509.Certificate, key *ecdsa.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, signer)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate that was just signed: %w", err)
	}
	return c, nil
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}

// Fingerprint is the SHA-256 of a certificate.
type Fingerprint [sha256.Size]byte

// FingerprintOf is that of c.
func FingerprintOf(c *x509.Certificate) Fingerprint { return sha256.Sum256(c.Raw) }

// IsZero reports whether there is none.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// String is the first 16 digits and tells authorities apart for people.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:8]) }

// MarshalKey is the authority's private key, to be kept where nobody but the
// members of the cluster can read it.
func (a *Authority) MarshalKey() ([]byte, error) { return MarshalKey(a.key) }

// ParseAuthority is the authority of a certificate and what MarshalKey gave.
// Error: ErrMalformed.
func ParseAuthority(certificate, key []byte) (*Authority, error) {
	c, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("%w certificate of an authority: %w", ErrMalformed, err)
	}
	k, err := ParseKey(key)
	if err != nil {
		return nil, err
	}
	if !k.PublicKey.Equal(c.PublicKey) || !c.IsCA {
		return nil, fmt.Errorf("%w authority: the key is not the certificate's", ErrMalformed)
	}
	return &Authority{Certificate: c, key: k}, nil
}

// MarshalKey is a private key in PKCS #8 form.
func MarshalKey(k *ecdsa.PrivateKey) ([]byte, error) {
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("encode a private key: %w", err)
	}
	return b, nil
}

// ParseKey reads what MarshalKey wrote. Error: ErrMalformed. It never says what
// it read.
func ParseKey(b []byte) (*ecdsa.PrivateKey, error) {
	k, err := x509.ParsePKCS8PrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("%w private key", ErrMalformed)
	}
	key, ok := k.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w private key: %w", ErrMalformed, errors.New("it is not of the kind that is used here"))
	}
	return key, nil
}
