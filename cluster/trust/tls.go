package trust

import (
	"crypto/tls"

	"tocsin/cluster/pki"
)

// Server is the configuration for the handshakes of others with this node, for
// now: it is to be asked for anew each time.
func (t *Trust) Server() (*tls.Config, error) {
	if t.opts.Own != nil {
		return t.opts.Own.server()
	}
	cfg := t.config()
	// Whatever certificate is shown is looked at by Vet, after the handshake.
	cfg.ClientAuth = tls.RequestClientCert
	return cfg, nil
}

// Client is the configuration for this node's handshakes with others. It believes
// everything: Vet must be called after each handshake.
func (t *Trust) Client() (*tls.Config, error) {
	if t.opts.Own != nil {
		return t.opts.Own.client()
	}
	cfg := t.config()
	cfg.InsecureSkipVerify = true // Vet does it, with reasons in words
	cfg.ServerName = "tocsin"
	return cfg, nil
}

func (t *Trust) config() *tls.Config {
	t.mu.Lock()
	shown := t.shown
	t.mu.Unlock()
	return &tls.Config{
		Certificates: []tls.Certificate{shown},
		MinVersion:   tls.VersionTLS13,
		// Every connection shows its certificates.
		SessionTicketsDisabled: true,
	}
}

// Vet says whose the other side of a connection is, or why it is not welcome.
// The name is empty with the operator's own certificates, which name no nodes.
// Errors: ErrNotEnrolled, and those of pki.Bundle.Vet.
func (t *Trust) Vet(s tls.ConnectionState) (pki.Name, error) {
	if t.opts.Own != nil {
		return pki.Name{}, t.opts.Own.vet(s)
	}
	t.mu.Lock()
	bundle := t.bundle
	t.mu.Unlock()
	if len(bundle) == 0 {
		return pki.Name{}, ErrNotEnrolled
	}
	return bundle.Vet(s.PeerCertificates, pki.Vetting{
		Cluster: bundle.Cluster(), Now: t.opts.Now(), Removed: t.isRemoved,
	})
}

// Binding names a connection, so that what is proven on it is proven nowhere
// else.
func Binding(s tls.ConnectionState) ([]byte, error) {
	return s.ExportKeyingMaterial("EXPORTER-tocsin-enrol-1", nil, 32)
}
