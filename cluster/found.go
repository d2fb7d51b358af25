package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"tocsin/cluster/pki"
	"tocsin/cluster/trust"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// The authority of a cluster that is being founded. The founder makes it, gives
// every other founder its certificate when that has promised to take part, and
// puts it into the state as soon as there is one.

// errTokenOfOther says that a join token cannot found a cluster.
var errTokenOfOther = errors.New("the join token is of a cluster that is there; name one of its nodes with --cluster.peer, " +
	"or found a new cluster with a token of `tocsin raft token create --offline`")

// foundingAuthority is the authority of the cluster that this node founds.
func (n *Node) foundingAuthority(cluster model.ClusterID) (*pki.Authority, error) {
	if t := n.opts.Security.JoinToken; t != nil && !t.Authority.IsZero() {
		return nil, errTokenOfOther
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.founder != nil && n.founder.Cluster() == cluster {
		return n.founder, nil
	}
	a, err := pki.NewAuthority(cluster, n.Now())
	if err != nil {
		return nil, err
	}
	n.founder = a
	return a, nil
}

// certifySelf gives the founder its own certificate.
func (n *Node) certifySelf() error {
	if n.trust == nil || n.trust.External() {
		return nil
	}
	cluster := n.foundingID()
	if n.trust.Cluster() == cluster {
		return nil
	}
	a, err := n.foundingAuthority(cluster)
	if err != nil {
		return err
	}
	key, err := pki.NewKey()
	if err != nil {
		return err
	}
	c, err := a.Sign(pki.Request{Node: n.id, Key: &key.PublicKey}, n.Now())
	if err != nil {
		return err
	}
	return n.trust.Adopt(trust.Grant{
		Certificate: c, Key: key, Bundle: pki.Bundle{a.Certificate}, Gossip: n.foundingGossip(),
	})
}

func (n *Node) foundingGossip() pki.Ring {
	ring, _ := pki.Ring{}.Add(n.firstGossipKey())
	return ring
}

// enlist has another founder promise to take part, and gives it its certificate.
func (n *Node) enlist(ctx context.Context, v founder, f founders) error {
	a, err := n.foundingAuthority(f.Cluster)
	if err != nil {
		return err
	}
	e, closeConn, err := n.dialEnrol(ctx, v.Address)
	if err != nil {
		return err
	}
	defer closeConn()
	token := n.opts.Security.JoinToken
	promised, err := e.ask(enrolQuestion{Kind: enrolForm, Node: n.id, Name: n.opts.Name, Founders: &f}, token)
	if err != nil {
		return err
	}
	r, err := pki.ParseRequest(promised.Request)
	if err != nil {
		return err
	}
	if r.Node != v.ID {
		return fmt.Errorf("%w: %s", ErrOtherNode, r.Node)
	}
	c, err := a.Sign(r, n.Now())
	if err != nil {
		return err
	}
	_, err = e.ask(enrolQuestion{Kind: enrolTake, Node: n.id, Grant: &enrolGrant{
		Certificate: c.Raw, Bundle: pki.Bundle{a.Certificate}.Raw(), Gossip: n.foundingGossip(),
	}}, token)
	return err
}

// takeFounder promises the node that asks to take part in its cluster, and takes
// the certificate that it gets.
func (n *Node) takeFounder(e *enrolConn, q enrolQuestion, s sealed) error {
	key, err := n.sameToken(e, q, s)
	if err != nil {
		return err
	}
	if q.Founders == nil || len(q.Founders.Voters) == 0 || q.Founders.Voters[0].ID != q.Node {
		return fmt.Errorf("%w: it names no founders", pki.ErrBadRequest)
	}
	body, err := json.Marshal(q.Founders)
	if err != nil {
		return err
	}
	if err := n.takeForm(body); err != nil {
		return err
	}
	own, err := pki.NewKey()
	if err != nil {
		return err
	}
	request, err := pki.NewRequest(n.id, own)
	if err != nil {
		return err
	}
	if err := e.say(enrolAnswer{Node: string(n.id), Request: request}, key); err != nil {
		return nil // it is gone
	}
	var take enrolQuestion
	if s, err = e.hear(&take); err != nil {
		return nil
	}
	if key != nil && !e.proves(s, *key) || take.Kind != enrolTake || take.Grant == nil {
		return fmt.Errorf("%w: it gives no certificate", pki.ErrBadRequest)
	}
	g, err := n.checkFounding(take.Grant, own, q.Founders.Cluster)
	if err != nil {
		return err
	}
	if err := n.adopt(g, nil, n.opts.Security.JoinToken, e.RemoteAddr().String()); err != nil {
		return err
	}
	return e.say(enrolAnswer{Node: string(n.id)}, key)
}

// sameToken makes sure that two founders have the same token, or none.
func (n *Node) sameToken(e *enrolConn, q enrolQuestion, s sealed) (*pki.TokenKey, error) {
	t := n.opts.Security.JoinToken
	switch {
	case t == nil && q.Token == "":
		return nil, nil
	case t == nil:
		return nil, fmt.Errorf("%w: node %s has join token %.12s, and this one none; give all founders the same --cluster.join-token-file",
			pki.ErrTokenNeeded, q.Node, q.Token)
	case q.Token == "":
		return nil, pki.ErrTokenNeeded
	}
	key := t.Key()
	if q.Token != t.ID.String() || !e.proves(s, key) {
		return nil, fmt.Errorf("%w: the founders have different ones", pki.ErrWrongToken)
	}
	return &key, nil
}

// checkFounding looks at what a founder was given. The authority is believed
// because of the token, or, without one, because this node has promised.
func (n *Node) checkFounding(g *enrolGrant, key *ecdsa.PrivateKey, cluster model.ClusterID) (trust.Grant, error) {
	bundle, err := pki.ParseBundle(g.Bundle)
	if err != nil {
		return trust.Grant{}, err
	}
	c, err := x509.ParseCertificate(g.Certificate)
	if err != nil {
		return trust.Grant{}, fmt.Errorf("read the certificate: %w", err)
	}
	name, err := bundle.Vet([]*x509.Certificate{c}, pki.Vetting{Cluster: cluster, Now: n.Now()})
	if err != nil {
		return trust.Grant{}, err
	}
	if name.Node != n.id || !key.PublicKey.Equal(c.PublicKey) {
		return trust.Grant{}, fmt.Errorf("%w: the certificate is for somebody else", pki.ErrBadRequest)
	}
	return trust.Grant{Certificate: c, Key: key, Bundle: bundle, Gossip: g.Gossip}, nil
}

// foundTrust puts into the state what the nodes of a new cluster go by: the
// authority, the keys of the gossip, who may join, and the founders' token. A
// leader that did not make the authority, because the one that did is gone,
// makes another, and goes on trusting the first.
func (l *leadership) foundTrust() error {
	n := l.n
	if n.trust == nil || n.trust.External() {
		return nil
	}
	if _, _, ok := n.authorities(); ok {
		return nil
	}
	a, err := n.firstAuthorities()
	if err != nil {
		return err
	}
	gossip := n.trust.GossipKeys()
	if len(gossip.Items) == 0 {
		gossip = n.foundingGossip()
	}
	t := n.opts.Security.JoinToken
	closed := t != nil
	cmds := []command.Command{
		command.PutRecord{Record: model.RecordPKI, Name: recordAuthorities, Body: a.Encode()},
		command.PutRecord{Record: model.RecordPKI, Name: recordGossip, Body: gossip.Encode()},
		command.PutRecord{Record: model.RecordPolicy, Name: recordJoin, Body: joinPolicy{Closed: closed}.encode()},
	}
	if closed && t.Authority.IsZero() {
		cmds = append(cmds, command.PutRecord{
			Record: model.RecordJoinToken, Name: t.ID.String(), Body: pki.AdmissionOf(*t, 0, "the founders", n.Now()).Encode(),
		})
	}
	if _, err := l.propose(l.ctx, cmds...); err != nil {
		return fmt.Errorf("put the cluster's authority into the state: %w", err)
	}
	n.log.Info("the cluster has its authority", "authority", a.Using, "closed", closed)
	n.followTrust()
	return nil
}

func (n *Node) firstAuthorities() (pki.Authorities, error) {
	cluster := n.opts.Machine.View().Cluster()
	var a pki.Authorities
	for _, c := range n.trust.Bundle() {
		if name, err := pki.NameOf(c); err == nil && name.Cluster == cluster {
			id := pki.FingerprintOf(c).String()
			a.Items = append(a.Items, pki.Item{ID: id, Public: c.Raw})
		}
	}
	signer, err := n.foundingAuthority(cluster)
	if err != nil {
		return a, err
	}
	it, err := signer.Item(n.Now())
	if err != nil {
		return a, err
	}
	a.Items = slices.DeleteFunc(a.Items, func(o pki.Item) bool { return o.ID == it.ID })
	a.Items, a.Using = append(a.Items, it), it.ID
	return a, nil
}
