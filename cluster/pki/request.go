package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"

	"tocsin/fsm/model"
)

// Request is a node's request for a certificate.
type Request struct {
	Node model.NodeID
	Key  *ecdsa.PublicKey
}

// NewRequest is the wire form of a request, which proves that the node has the
// key.
func NewRequest(node model.NodeID, key *ecdsa.PrivateKey) ([]byte, error) {
	b, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: string(node)},
	}, key)
	if err != nil {
		return nil, fmt.Errorf("ask for a certificate: %w", err)
	}
	return b, nil
}

// ParseRequest reads and checks a request. Error: ErrBadRequest.
func ParseRequest(b []byte) (Request, error) {
	r, err := x509.ParseCertificateRequest(b)
	if err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	if err := r.CheckSignature(); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	key, ok := r.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return Request{}, fmt.Errorf("%w: the key is not on the curve P-256", ErrBadRequest)
	}
	out := Request{Node: model.NodeID(r.Subject.CommonName), Key: key}
	if out.Node == "" || !plain(string(out.Node)) {
		return Request{}, fmt.Errorf("%w: %w", ErrBadRequest, ErrBadName)
	}
	return out, nil
}
