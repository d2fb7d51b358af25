package cluster

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tocsin/cluster/pki"
	"tocsin/cluster/trust"
	"tocsin/fsm/model"
)

// Security says how the nodes know each other. The zero value is an open
// cluster: TLS everywhere, and whoever reaches the port between nodes may join.
type Security struct {
	// JoinToken lets this node into a closed cluster, or founds one; nil: none.
	JoinToken *pki.Token
	// Own are the operator's own certificates, used instead of the cluster's.
	Own *trust.Own
	// OverInjected switches TLS on over injected transports, too, which have
	// none otherwise. For tests.
	OverInjected bool
}

// wants reports whether there is to be TLS.
func (o *Options) wantsTLS() bool {
	return o.Transports.Stream == nil || o.Security.OverInjected
}

// The records of the kind model.RecordPKI, and of model.RecordPolicy.
const (
	recordAuthorities = "authorities"
	recordGossip      = "gossip"
	recordRemoved     = "removed"
	recordJoin        = "join"
)

// credentialsFile is what this node keeps of its certificate.
const credentialsFile = "credentials.json"

// openTrust reads the node's certificate, and brings it in line with the state
// that the node has.
func (n *Node) openTrust() error {
	if !n.opts.wantsTLS() {
		return nil
	}
	path := filepath.Join(n.opts.DataDir, credentialsFile)
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		// A member makes itself another from its state; and whoever cannot still
		// pages, without the others.
		n.log.Error("the file of the node's certificate cannot be read", "path", path, "err", err)
	}
	n.trust, err = trust.Open(trust.Options{
		Node: n.id, Kept: b, Keep: func(b []byte) error { return replaceFile(path, b) },
		Now: n.Now, Logger: n.log, Own: n.opts.Security.Own,
	})
	if err != nil {
		return err
	}
	n.refusals = &trust.Refusals{Logger: n.log}
	n.dialer.TLS = n.trust.Client
	n.followTrust()
	return nil
}

// authorities are those of the state; false if it has none.
func (n *Node) authorities() (pki.Authorities, uint64, bool) {
	r, ok := n.opts.Machine.View().Record(model.RecordPKI, recordAuthorities)
	if !ok {
		return pki.Authorities{}, 0, false
	}
	a, err := pki.ParseAuthorities(r.Body)
	if err != nil {
		n.log.Error("the cluster's authorities cannot be read", "err", err)
		return pki.Authorities{}, r.Rev, false
	}
	return a, r.Rev, true
}

// gossipRing are the keys of the state; empty if it has none.
func (n *Node) gossipRing() (pki.Ring, uint64) {
	r, ok := n.opts.Machine.View().Record(model.RecordPKI, recordGossip)
	if !ok {
		return pki.Ring{}, 0
	}
	ring, err := pki.ParseRing(r.Body)
	if err != nil {
		n.log.Error("the keys of the gossip cannot be read", "err", err)
	}
	return ring, r.Rev
}
