package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/pki"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// How keys are replaced: by a new item in a ring (see pki.Ring), which the leader
// takes one step further whenever all members have told it that they followed
// the last. A member that is away holds it up; taking it out lets it go on.

// KeyKind is a kind of keys that can be replaced.
type KeyKind string

// The kinds.
const (
	KeyGossip       KeyKind = "gossip"
	KeyAuthority    KeyKind = "ca"
	KeyCertificates KeyKind = "certs"
)

// ErrKeyKind says that there is no such kind of keys.
var ErrKeyKind = errors.New("there is no such kind of keys")

// keysInterval is how often the leader looks whether a replacement can go on.
const keysInterval = 300 * time.Millisecond

// RotateKeys begins to replace keys of a kind. Errors: ErrKeyKind,
// ErrOwnCertificates, ErrOpenGossip, ErrKeysChanging, and those of Propose.
func (n *Node) RotateKeys(ctx context.Context, who model.Actor, kind KeyKind) error {
	a, err := n.ownAuthorities()
	if err != nil {
		return err
	}
	_, rev, _ := n.authorities()
	var cmd command.PutRecord
	switch kind {
	case KeyGossip:
		ring, rev := n.gossipRing()
		if !n.isClosed() {
			return ErrOpenGossip
		}
		next, ok := ring.Add(pki.NewGossipKey(n.Now()))
		if !ok {
			return ErrKeysChanging
		}
		cmd = command.PutRecord{Record: model.RecordPKI, Name: recordGossip, BaseRev: rev, Body: next.Encode()}
	case KeyAuthority:
		next, err := n.withNewAuthority(a)
		if err != nil {
			return err
		}
		cmd = command.PutRecord{Record: model.RecordPKI, Name: recordAuthorities, BaseRev: rev, Body: next.Encode()}
	case KeyCertificates:
		a.Fresh = n.Now().UTC().Truncate(time.Second)
		cmd = command.PutRecord{Record: model.RecordPKI, Name: recordAuthorities, BaseRev: rev, Body: a.Encode()}
	default:
		return fmt.Errorf("%w: %q", ErrKeyKind, kind)
	}
	return n.changeRecord(ctx, who, command.As(cmd, "keys.rotate", string(kind), ""))
}

func (n *Node) withNewAuthority(a pki.Authorities) (pki.Authorities, error) {
	fresh, err := pki.NewAuthority(n.opts.Machine.View().Cluster(), n.Now())
	if err != nil {
		return a, err
	}
	it, err := fresh.Item(n.Now())
	if err != nil {
		return a, err
	}
	ring, ok := a.Add(it)
	if !ok {
		return a, ErrKeysChanging
	}
	return pki.Authorities{Ring: ring, Fresh: a.Fresh}, nil
}

// KeyStatus is how a kind of keys stands.
type KeyStatus struct {
	Kind  KeyKind
	Using string // its name; no secret
	// Changing: another one takes its place. Step is what that waits for, and
	// Waits are the nodes.
	Changing bool
	Step     string
	Waits    []string
}

// SecurityStatus is how the nodes know each other, as this one sees it.
type SecurityStatus struct {
	// TLS is false only in tests. Own: with the operator's certificates.
	TLS, Own, Closed bool
	// The certificate that this node shows; zero if it has none.
	CertificateIssued, CertificateDue, CertificateEnds time.Time
	AuthorityEnds                                      time.Time
	Keys                                               []KeyStatus
}

// Security is how the nodes know each other. It asks the members where keys are
// being replaced.
func (n *Node) Security(ctx context.Context) SecurityStatus {
	s := SecurityStatus{TLS: n.trust != nil}
	if n.trust == nil {
		return s
	}
	s.Own = n.trust.External()
	if c := n.trust.Certificate(); c != nil {
		s.CertificateIssued, s.CertificateDue, s.CertificateEnds = pki.Issued(c), pki.Due(c), c.NotAfter
	}
	if s.Own {
		s.CertificateIssued, s.CertificateDue = time.Time{}, time.Time{}
		return s
	}
	s.Closed = n.isClosed()
	a, _, _ := n.authorities()
	if bundle, signer, err := a.Open(); err == nil && signer != nil && len(bundle) > 0 {
		s.AuthorityEnds = signer.Certificate.NotAfter
	}
	gossip, _ := n.gossipRing()
	var all []memberKeys
	if a.Changing() || gossip.Changing() {
		ctx, cancel := context.WithTimeout(ctx, progressTime)
		defer cancel()
		all = n.memberKeys(ctx)
	}
	s.Keys = append(s.Keys,
		standing(KeyAuthority, a.Ring, all, func(m memberKeys) pki.Report { return m.keys.Authorities }),
		standing(KeyGossip, gossip, all, func(m memberKeys) pki.Report { return m.keys.Gossip }))
	return s
}

// standing is how one ring stands.
func standing(kind KeyKind, r pki.Ring, all []memberKeys, of func(memberKeys) pki.Report) KeyStatus {
	s := KeyStatus{Kind: kind, Using: r.Using, Changing: r.Changing()}
	if !s.Changing {
		return s
	}
	_, _, step := r.Advance(reportsOf(all, of))
	s.Step = step.String()
	for _, m := range all {
		if _, changed, _ := r.Advance([]pki.Report{of(m)}); !changed {
			s.Waits = append(s.Waits, m.name)
		}
	}
	return s
}

// nodeKeys is what a node tells of its keys.
type nodeKeys struct {
	Authorities pki.Report `json:"authorities"`
	Gossip      pki.Report `json:"gossip"`
}

// ownKeys is what this node tells.
func (n *Node) ownKeys() nodeKeys {
	if n.trust == nil || n.trust.External() {
		return nodeKeys{}
	}
	n.mu.Lock()
	gossip := n.speaks
	n.mu.Unlock()
	return nodeKeys{Authorities: n.trust.Report(), Gossip: gossip}
}

// memberKeys is what a member told of its keys; nothing if it did not answer.
type memberKeys struct {
	name string
	keys nodeKeys
}

// memberKeys asks all members at a time.
func (n *Node) memberKeys(ctx context.Context) []memberKeys {
	e := n.engine.Load()
	if e == nil {
		return nil
	}
	cfg, _ := e.configuration()
	answers := make(chan memberKeys, len(cfg.Servers))
	for _, s := range cfg.Servers {
		go func() { answers <- n.askKeys(ctx, s) }()
	}
	var out []memberKeys
	for range cfg.Servers {
		out = append(out, <-answers)
	}
	slices.SortFunc(out, func(a, b memberKeys) int { return slices.Compare([]byte(a.name), []byte(b.name)) })
	return out
}

func (n *Node) askKeys(ctx context.Context, s raft.Server) memberKeys {
	id := model.NodeID(s.ID)
	m := memberKeys{name: string(id)}
	if r, ok := n.opts.Machine.View().Node(id); ok && r.Name != "" {
		m.name = r.Name
	}
	if id == n.id {
		m.keys = n.ownKeys()
		return m
	}
	address := string(s.Address)
	if heard := n.heardAddress(id); heard != "" {
		address = heard
	}
	b, err := n.client.Call(ctx, address, kindProgress, nil)
	var p progress
	if err == nil && json.Unmarshal(b, &p) == nil && p.Node == id {
		m.keys = p.Keys
	}
	return m
}

func reportsOf(all []memberKeys, of func(memberKeys) pki.Report) []pki.Report {
	out := make([]pki.Report, len(all))
	for i, m := range all {
		out[i] = of(m)
	}
	return out
}

// runKeys takes replacements one step further when all members have followed
// the last, and replaces the authority when it grows old.
func (l *leadership) runKeys() {
	if l.n.trust == nil || l.n.trust.External() {
		return
	}
	for sleep(l.ctx, keysInterval) {
		if err := l.advanceKeys(); err != nil && l.ctx.Err() == nil {
			l.n.log.Warn("the replacement of keys does not go on; it will be tried again", "err", err)
		}
	}
}

func (l *leadership) advanceKeys() error {
	n := l.n
	a, rev, ok := n.authorities()
	if !ok {
		return l.foundTrust()
	}
	gossip, gossipRev := n.gossipRing()
	if !a.Changing() && !gossip.Changing() {
		return l.renewAuthority(a, rev)
	}
	ctx, cancel := context.WithTimeout(l.ctx, progressTime)
	defer cancel()
	all := n.memberKeys(ctx)
	if next, changed, _ := gossip.Advance(reportsOf(all, func(m memberKeys) pki.Report { return m.keys.Gossip })); changed {
		if err := l.putKeys(KeyGossip, recordGossip, gossipRev, next, next.Encode()); err != nil {
			return err
		}
	}
	next, changed, _ := a.Advance(reportsOf(all, func(m memberKeys) pki.Report { return m.keys.Authorities }))
	if !changed {
		return nil
	}
	return l.putKeys(KeyAuthority, recordAuthorities, rev, next, pki.Authorities{Ring: next, Fresh: a.Fresh}.Encode())
}

// putKeys puts the next step into the state.
func (l *leadership) putKeys(kind KeyKind, record string, rev uint64, next pki.Ring, body []byte) error {
	_, err := l.propose(l.ctx, command.PutRecord{Record: model.RecordPKI, Name: record, BaseRev: rev, Body: body})
	if err != nil {
		return err
	}
	if next.Changing() {
		l.n.log.Info("all nodes accept the new key; it is used from now on", "kind", kind, "using", next.Using)
	} else {
		l.n.log.Info("all nodes use the new key; the old one is dropped", "kind", kind, "using", next.Using)
	}
	return nil
}

// renewAuthority replaces an authority that is past two thirds of its life.
func (l *leadership) renewAuthority(a pki.Authorities, rev uint64) error {
	_, signer, err := a.Open()
	if err != nil || signer != nil && l.n.Now().Before(pki.Due(signer.Certificate)) {
		return err
	}
	next, err := l.n.withNewAuthority(a)
	if err != nil {
		return err
	}
	l.n.log.Warn("the cluster's authority grows old, and is replaced", "authority", a.Using)
	_, err = l.propose(l.ctx, command.PutRecord{Record: model.RecordPKI, Name: recordAuthorities, BaseRev: rev, Body: next.Encode()})
	return err
}
