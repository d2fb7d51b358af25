package pki

import (
	"crypto/x509"
	"fmt"
	"time"

	"tocsin/fsm/model"
)

// Bundle are the authorities that a node trusts: one, or several while one
// takes the place of another.
type Bundle []*x509.Certificate

// maxBundle bounds the authorities of a bundle.
const maxBundle = 8

// ParseBundle reads certificates. Error: ErrMalformed.
func ParseBundle(certificates [][]byte) (Bundle, error) {
	if len(certificates) == 0 || len(certificates) > maxBundle {
		return nil, fmt.Errorf("%w bundle of %d authorities", ErrMalformed, len(certificates))
	}
	var out Bundle
	for _, b := range certificates {
		c, err := x509.ParseCertificate(b)
		if err != nil {
			return nil, fmt.Errorf("%w certificate of an authority: %w", ErrMalformed, err)
		}
		if name, err := NameOf(c); err != nil || name.Node != "" || !c.IsCA {
			return nil, fmt.Errorf("%w bundle: it has a certificate that is not an authority's", ErrMalformed)
		}
		out = append(out, c)
	}
	return out, nil
}

// Raw are the certificates, for ParseBundle.
func (b Bundle) Raw() [][]byte {
	out := make([][]byte, len(b))
	for i, c := range b {
		out[i] = c.Raw
	}
	return out
}

// Has reports whether the authority is among them.
func (b Bundle) Has(f Fingerprint) bool {
	for _, c := range b {
		if FingerprintOf(c) == f {
			return true
		}
	}
	return false
}

// Cluster is the cluster of the authorities; "" if they are not of one.
func (b Bundle) Cluster() model.ClusterID {
	var id model.ClusterID
	for i, c := range b {
		name, err := NameOf(c)
		if err != nil || i > 0 && name.Cluster != id {
			return ""
		}
		id = name.Cluster
	}
	return id
}

// Signer is the authority that has signed c, nil if none of them has.
func (b Bundle) Signer(c *x509.Certificate) *x509.Certificate {
	for _, a := range b {
		if c.CheckSignatureFrom(a) == nil {
			return a
		}
	}
	return nil
}

// Vetting is what a node's certificate is held against.
type Vetting struct {
	Cluster model.ClusterID
	Now     time.Time
	// Removed reports whether a node was removed from the cluster. May be nil.
	Removed func(model.NodeID) bool
}

// Vet says whose certificate it is that the other side showed, or why it is
// refused: ErrNoCertificate, ErrForeign, ErrOtherCluster, ErrUnknownAuthority,
// ErrExpired, ErrRemoved. That the other side has the certificate's key is for
// TLS to prove.
//
// When a certificate begins is not looked at: it would only keep out a node
// whose clock is behind, and what is not begun was signed by an authority of the
// cluster all the same.
func (b Bundle) Vet(shown []*x509.Certificate, v Vetting) (Name, error) {
	if len(shown) == 0 {
		return Name{}, ErrNoCertificate
	}
	c := shown[0]
	name, err := NameOf(c)
	switch {
	case err != nil:
		return Name{}, err
	case name.Node == "" || c.IsCA:
		return Name{}, fmt.Errorf("%w: it is an authority's", ErrForeign)
	case name.Cluster != v.Cluster:
		return Name{}, fmt.Errorf("%w: node %s belongs to cluster %s, this is cluster %s",
			ErrOtherCluster, name.Node, name.Cluster, v.Cluster)
	}
	signer := b.Signer(c)
	switch {
	case signer == nil:
		return Name{}, fmt.Errorf("%w of node %s", ErrUnknownAuthority, name.Node)
	case v.Now.After(c.NotAfter):
		return Name{}, fmt.Errorf("%w: that of node %s ended on %s; the clock here says %s",
			ErrExpired, name.Node, stamp(c.NotAfter), stamp(v.Now))
	case v.Now.After(signer.NotAfter):
		return Name{}, fmt.Errorf("%w: that of the authority of node %s ended on %s; the clock here says %s",
			ErrExpired, name.Node, stamp(signer.NotAfter), stamp(v.Now))
	case v.Removed != nil && v.Removed(name.Node):
		return Name{}, fmt.Errorf("%w: %s", ErrRemoved, name.Node)
	}
	return name, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
