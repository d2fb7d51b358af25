package trust

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"tocsin/cluster/pki"
)

// Own are the operator's own certificates. Both functions are asked for every
// handshake, so files may be replaced at any time.
type Own struct {
	// ServerConfig must demand and verify the certificate of whoever connects,
	// and have a GetCertificate.
	ServerConfig func() (*tls.Config, error)
	// ClientConfig must verify the certificate of whom this node connects to.
	ClientConfig func() (*tls.Config, error)
}

func (o *Own) server() (*tls.Config, error) {
	cfg, err := o.ServerConfig()
	if err != nil {
		return nil, fmt.Errorf("load the server's part of --cluster.tls-config: %w", err)
	}
	return cfg, nil
}

func (o *Own) client() (*tls.Config, error) {
	cfg, err := o.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("load the client's part of --cluster.tls-config: %w", err)
	}
	return cfg, nil
}

// vet leaves the judgement to the handshake; but that there was one to judge is
// made sure of.
func (o *Own) vet(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return pki.ErrNoCertificate
	}
	return nil
}

// certificate is the server's, nil if it cannot be read.
func (o *Own) certificate() *x509.Certificate {
	cfg, err := o.ServerConfig()
	if err != nil || cfg.GetCertificate == nil {
		return nil
	}
	pair, err := cfg.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil || pair.Leaf == nil {
		return nil
	}
	return pair.Leaf
}
