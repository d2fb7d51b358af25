package trust

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tocsin/cluster/pki"
	"tocsin/fsm/model"
)

// Trust is what one node shows and believes. All methods may be called from
// several goroutines.
type Trust struct {
	opts        Options
	provisional tls.Certificate
	saving      sync.Mutex // of what is kept; before mu

	mu      sync.Mutex // guards the rest
	kept    kept
	shown   tls.Certificate
	leaf    *x509.Certificate // of shown; nil while provisional
	bundle  pki.Bundle
	removed map[model.NodeID]bool
	dirty   bool // kept is not written yet
}

// Options say how a Trust is made. All but Own are needed.
type Options struct {
	Node model.NodeID
	// Kept is what Keep was last called with, nil if it never was. Keep writes
	// so that a crash leaves the old or the new.
	Kept []byte
	Keep func([]byte) error
	// Now is the wall clock.
	Now    func() time.Time
	Logger *slog.Logger
	// Own are the operator's certificates; nil: the cluster's.
	Own *Own
}

var (
	// ErrNotEnrolled says that this node has no certificate yet, so it cannot
	// judge those of others.
	ErrNotEnrolled = errors.New("this node has no certificate of a cluster yet")
	// ErrNoTLS says that a connection has no TLS.
	ErrNoTLS = errors.New("the connection has no TLS")
)

// Open reads what was kept. What cannot be read is said, and the node has to
// enrol again.
func Open(opts Options) (*Trust, error) {
	t := &Trust{opts: opts, removed: make(map[model.NodeID]bool)}
	key, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	c, err := pki.Provisional(opts.Node, key, opts.Now())
	if err != nil {
		return nil, err
	}
	t.provisional = pair(c, key)
	t.shown = t.provisional
	if len(opts.Kept) == 0 {
		return t, nil
	}
	k, err := parseKept(opts.Kept)
	if err == nil {
		err = t.use(k)
	}
	if err != nil {
		opts.Logger.Error("the node's certificate cannot be read; the node needs a new one", "err", err)
	}
	return t, nil
}

func pair(c *x509.Certificate, key *ecdsa.PrivateKey) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key, Leaf: c}
}

// use takes over what is or was kept. t.mu is held, or t not shared yet.
func (t *Trust) use(k kept) error {
	bundle, err := pki.ParseBundle(k.Bundle)
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(k.Certificate)
	if err != nil {
		return fmt.Errorf("read the node's certificate: %w", err)
	}
	key, err := pki.ParseKey(k.Key)
	if err != nil {
		return err
	}
	if !key.PublicKey.Equal(leaf.PublicKey) || bundle.Cluster() == "" {
		return fmt.Errorf("%w: certificate, key and authorities do not belong together", pki.ErrMalformed)
	}
	t.kept, t.bundle, t.leaf, t.shown = k, bundle, leaf, pair(leaf, key)
	return nil
}

// save writes what has not been written yet. A disk that hangs must hold up no
// handshake, so t.mu is not held.
func (t *Trust) save() error {
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.Lock()
	k, dirty := t.kept, t.dirty
	t.dirty = false
	t.mu.Unlock()
	if !dirty {
		return nil
	}
	err := t.opts.Keep(k.encode())
	if err != nil {
		t.mu.Lock()
		t.dirty = true
		t.mu.Unlock()
	}
	return err
}

// Cluster is the cluster that this node has a certificate of, "" if it has none,
// or only one under an ID that it had before.
func (t *Trust) Cluster() model.ClusterID {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leaf == nil {
		return ""
	}
	name, err := pki.NameOf(t.leaf)
	if err != nil || name.Node != t.opts.Node {
		return ""
	}
	return name.Cluster
}

// Bundle are the authorities that this node trusts, none before it has a
// certificate.
func (t *Trust) Bundle() pki.Bundle {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bundle
}

// GossipKeys are those that were handed out at enrolment, or followed since.
func (t *Trust) GossipKeys() pki.Ring {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.Gossip
}

// Certificate is this node's, nil while it has none; with the operator's own,
// the one in the file.
func (t *Trust) Certificate() *x509.Certificate {
	if t.opts.Own != nil {
		return t.opts.Own.certificate()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.leaf
}

// External reports whether the certificates are the operator's own.
func (t *Trust) External() bool { return t.opts.Own != nil }

// Report is what this node accepts and uses of the authorities.
func (t *Trust) Report() pki.Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	var r pki.Report
	for _, a := range t.bundle {
		r.Accepts = append(r.Accepts, pki.FingerprintOf(a).String())
	}
	if t.leaf != nil {
		if a := t.bundle.Signer(t.leaf); a != nil {
			r.Uses = pki.FingerprintOf(a).String()
		}
	}
	return r
}

// SetRemoved says which nodes were removed from the cluster.
func (t *Trust) SetRemoved(ids map[model.NodeID]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removed = ids
}

func (t *Trust) isRemoved(id model.NodeID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.removed[id]
}
