package cluster

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/cluster/mux"
	"tocsin/cluster/pki"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// The side that answers. Every member can sign certificates, because its state
// has the authority's key; only that a token was used is the cluster's affair.

// maxEnrolling bounds the nodes that enrol here at a time; more are hung up on.
const maxEnrolling = 16

var (
	errNoAuthority = errors.New("this node does not hold the cluster's authority yet")
	errIsMember    = errors.New("a member has that ID already")
)

// runEnrol enrols other nodes until ctx ends.
func (n *Node) runEnrol(ctx context.Context) {
	l := n.mux.Protocol(mux.ProtocolEnrol)
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxEnrolling)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		select {
		case slots <- struct{}{}:
			wg.Go(func() {
				defer func() { <-slots }()
				n.answerEnrol(ctx, c)
			})
		default:
			_ = c.Close()
		}
	}
}

func (n *Node) answerEnrol(ctx context.Context, c net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, enrolTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(enrolTime)); err != nil {
		return
	}
	e, err := openEnrol(c, false)
	if err != nil {
		return
	}
	var q enrolQuestion
	s, err := e.hear(&q)
	if err != nil {
		return
	}
	switch q.Kind {
	case enrolJoin:
		err = n.takeNewcomer(ctx, e, q, s)
	case enrolForm:
		err = n.takeFounder(e, q, s)
	default:
		err = fmt.Errorf("unknown question %q; is this node older than the one that asks?", q.Kind)
	}
	if err == nil {
		return
	}
	busy := errors.Is(err, errNoAuthority) || errors.Is(err, ErrNoQuorum)
	if !busy {
		n.refusals.Say("refused a node that wants to join", c.RemoteAddr(), err, "node", q.Node, "name", q.Name)
	}
	a := enrolAnswer{Refused: withNext(err), Busy: busy, Other: errors.Is(err, pki.ErrOtherCluster)}
	if e.say(a, nil) == nil {
		mux.Linger(c)
	}
}

// takeNewcomer gives a node its certificate, if it may have one.
func (n *Node) takeNewcomer(ctx context.Context, e *enrolConn, q enrolQuestion, s sealed) error {
	r, err := pki.ParseRequest(q.Request)
	if err != nil {
		return err
	}
	a, _, ok := n.authorities()
	if !ok || !n.isMember() {
		return errNoAuthority
	}
	if own := n.clusterID(); q.Cluster != "" && q.Cluster != own {
		return fmt.Errorf("%w: node %s belongs to cluster %s, this is cluster %s", pki.ErrOtherCluster, r.Node, q.Cluster, own)
	}
	bundle, signer, err := a.Open()
	if err != nil {
		return err
	}
	if signer == nil {
		return errNoAuthority
	}
	key, how, err := n.mayJoin(ctx, e, q, s, r.Node)
	if err != nil {
		return err
	}
	c, err := signer.Sign(r, n.Now())
	if err != nil {
		return err
	}
	grant, err := n.grant(c, bundle)
	if err != nil {
		return err
	}
	n.log.Info("gave a node its certificate", "node", r.Node, "name", q.Name, "address", e.RemoteAddr(), "how", how)
	return e.say(enrolAnswer{Node: string(n.id), Grant: grant}, key)
}

// grant is what a node is given with its certificate.
func (n *Node) grant(c *x509.Certificate, bundle pki.Bundle) (*enrolGrant, error) {
	g := &enrolGrant{Certificate: c.Raw, Bundle: bundle.Raw()}
	g.Gossip, _ = n.gossipRing()
	for _, m := range n.members() {
		if m.Alive && m.Address != "" && len(g.Members) < maxMembersTold {
			g.Members = append(g.Members, m.Address)
		}
	}
	return g, nil
}

const maxMembersTold = 16

// mayJoin reports how a node may have a certificate, and the key of the token
// that it has shown.
func (n *Node) mayJoin(ctx context.Context, e *enrolConn, q enrolQuestion, s sealed, node model.NodeID) (*pki.TokenKey, string, error) {
	if n.isRemoved(node) {
		return nil, "", fmt.Errorf("%w: %s", pki.ErrRemoved, node)
	}
	if q.Token != "" {
		key, err := n.useToken(ctx, e, q, s, node)
		return key, "join token " + q.Token, err
	}
	if len(e.tls.PeerCertificates) > 0 {
		if name, err := n.trust.Vet(e.tls); err == nil {
			if name.Node != node && n.hasMember(node) {
				return nil, "", errIsMember
			}
			return nil, "certificate of node " + string(name.Node), nil
		}
	}
	switch {
	case n.isClosed():
		return nil, "", pki.ErrTokenNeeded
	case n.hasMember(node):
		return nil, "", fmt.Errorf("%w: %s; one that has lost its certificate needs a join token", errIsMember, node)
	default:
		return nil, "the cluster is open", nil
	}
}

func (n *Node) hasMember(id model.NodeID) bool {
	e := n.engine.Load()
	if e == nil {
		return true // not known
	}
	cfg, _ := e.configuration()
	return memberOf(cfg, raft.ServerID(id))
}

// useToken takes down that a node joins with a token. A token that this node does
// not know may have been made a moment ago at another.
func (n *Node) useToken(ctx context.Context, e *enrolConn, q enrolQuestion, s sealed, node model.NodeID) (*pki.TokenKey, error) {
	if _, ok := n.admission(q.Token); !ok {
		n.caughtUp(ctx)
	}
	for {
		r, ok := n.admission(q.Token)
		if !ok {
			return nil, fmt.Errorf("%w: the cluster has no token %.12q; it was revoked, or is of another cluster", pki.ErrWrongToken, q.Token)
		}
		a, err := pki.ParseAdmission(r.Body)
		if err != nil {
			return nil, err
		}
		key, err := a.TokenKey()
		if err != nil {
			return nil, err
		}
		next, err := a.Admit(node, e.proves(s, key), n.Now())
		if err != nil {
			return nil, err
		}
		if len(next.Used) == len(a.Used) && next.Used[len(next.Used)-1] == a.Used[len(a.Used)-1] {
			return &key, nil // it comes again
		}
		done, err := n.putRecordOf(ctx, model.RecordJoinToken, q.Token, r.Rev, next.Encode())
		if err != nil || done {
			return &key, err
		}
		// Somebody else has used it meanwhile.
	}
}

func (n *Node) admission(token string) (model.Record, bool) {
	if _, err := pki.ParseTokenID(token); err != nil {
		return model.Record{}, false
	}
	return n.opts.Machine.View().Record(model.RecordJoinToken, token)
}

// putRecordOf changes a record that had the given revision, 0 for a new one. It
// reports false if somebody else was faster.
func (n *Node) putRecordOf(ctx context.Context, kind model.RecordKind, name string, base uint64, body []byte) (done bool, err error) {
	results, err := n.Propose(ctx, command.PutRecord{Record: kind, Name: name, BaseRev: base, Body: body})
	if err != nil {
		return false, err
	}
	switch r := results[0]; {
	case r.Done():
		return true, nil
	case r.Code == command.CodeConflict:
		return false, nil
	default:
		return false, fmt.Errorf("%w: %s", ErrRejected, r.Detail)
	}
}
