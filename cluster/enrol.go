package cluster

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"tocsin/cluster/mux"
	"tocsin/cluster/pki"
	"tocsin/cluster/trust"
	"tocsin/fsm/model"
)

// How this node enrols. With a join token it knows the right cluster from a wrong
// one: the other side must prove that it knows the token too, and must have the
// authority that the token names, if it names one. Without a token it trusts the
// first member that it meets, once, and says so.

// enrolTime bounds enrolling at one member.
const enrolTime = 5 * time.Second

// errEnrolRefused says that a member did not enrol this node. Its text is the
// member's.
var errEnrolRefused = errors.New("refused")

// wantsCertificate reports whether this node has to enrol before it can join
// the cluster that it sees, "" if that is not known.
func (n *Node) wantsCertificate(sees model.ClusterID) bool {
	if n.trust == nil || n.trust.External() {
		return false
	}
	has := n.trust.Cluster()
	own := n.clusterID()
	switch {
	case has == "":
		return true
	case own != "":
		return has != own
	default:
		// It was to be a member of another cluster, and never was.
		return sees != "" && has != sees && !n.wasMember()
	}
}

// enrolAt tries the given members one after the other.
func (n *Node) enrolAt(ctx context.Context, via []string) error {
	err := errors.New("no member is known")
	for _, address := range via {
		if address == n.raftAddress {
			continue
		}
		if err = n.enrol(ctx, address, n.opts.Security.JoinToken); err == nil {
			n.mu.Lock()
			n.via = address
			n.mu.Unlock()
			return nil
		}
		err = fmt.Errorf("a certificate; %s: %w", address, err)
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// enrol gets this node its certificate from the member at address.
func (n *Node) enrol(ctx context.Context, address string, token *pki.Token) error {
	ctx, cancel := context.WithTimeout(ctx, enrolTime)
	defer cancel()
	key, err := pki.NewKey()
	if err != nil {
		return err
	}
	request, err := pki.NewRequest(n.id, key)
	if err != nil {
		return err
	}
	e, closeConn, err := n.dialEnrol(ctx, address)
	if err != nil {
		return err
	}
	defer closeConn()
	q := enrolQuestion{Kind: enrolJoin, Node: n.id, Name: n.opts.Name, Cluster: n.clusterID(), Request: request}
	a, err := e.ask(q, token)
	if err != nil {
		return err
	}
	if a.Grant == nil {
		return fmt.Errorf("%w: the answer has no certificate", errEnrolRefused)
	}
	g, err := n.checkGrant(e, a.Grant, key, token)
	if err != nil {
		return err
	}
	return n.adopt(g, a.Grant.Members, token, address)
}

// dialEnrol opens a connection that this node can ask on.
func (n *Node) dialEnrol(ctx context.Context, address string) (*enrolConn, func(), error) {
	c, err := n.dialer.Connect(ctx, address, mux.ProtocolEnrol)
	if err != nil {
		return nil, nil, err
	}
	deadline, _ := ctx.Deadline()
	err = c.SetDeadline(deadline)
	var e *enrolConn
	if err == nil {
		e, err = openEnrol(c, true)
	}
	if err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	return e, func() { stop(); _ = c.Close() }, nil
}

// ask says q and hears the answer, which the other side must have sealed with
// the token, if there is one. Errors: errEnrolRefused, pki.ErrWrongToken.
func (e *enrolConn) ask(q enrolQuestion, token *pki.Token) (enrolAnswer, error) {
	var key *pki.TokenKey
	if token != nil {
		k := token.Key()
		key, q.Token = &k, token.ID.String()
	}
	if err := e.say(q, key); err != nil {
		return enrolAnswer{}, fmt.Errorf("ask for a certificate: %w", err)
	}
	var a enrolAnswer
	s, err := e.hear(&a)
	switch {
	case err != nil:
		return enrolAnswer{}, fmt.Errorf("hear the answer: %w", err)
	case a.Other:
		return enrolAnswer{}, fmt.Errorf("%w: %s", ErrOtherCluster, a.Refused)
	case a.Refused != "":
		return enrolAnswer{}, fmt.Errorf("%w: %s", errEnrolRefused, a.Refused)
	case key != nil && !e.proves(s, *key):
		return enrolAnswer{}, fmt.Errorf("%w: the node there does not know its secret; is it of the right cluster?", pki.ErrWrongToken)
	}
	return a, nil
}

// checkGrant looks at what this node was given before it believes any of it.
func (n *Node) checkGrant(e *enrolConn, g *enrolGrant, key *ecdsa.PrivateKey, token *pki.Token) (trust.Grant, error) {
	bundle, err := pki.ParseBundle(g.Bundle)
	if err != nil {
		return trust.Grant{}, err
	}
	cluster := bundle.Cluster()
	pinned := n.trust.Bundle()
	vetting := pki.Vetting{Cluster: cluster, Now: n.Now()}
	if token != nil && !token.Authority.IsZero() && !bundle.Has(token.Authority) {
		return trust.Grant{}, fmt.Errorf("%w: its authority is not the one there; the token is of another cluster, or the authority was replaced since",
			pki.ErrWrongToken)
	}
	if own := n.clusterID(); own != "" && own != cluster {
		return trust.Grant{}, fmt.Errorf("%w: this node belongs to cluster %s, that is cluster %s", ErrOtherCluster, own, cluster)
	}
	if _, err := bundle.Vet(e.tls.PeerCertificates, vetting); err != nil {
		return trust.Grant{}, err
	}
	// Who knows the cluster already believes no other authority only because it
	// was told to; a token may tell it.
	if token == nil && n.clusterID() != "" && pinned.Cluster() == cluster {
		if _, err := pinned.Vet(e.tls.PeerCertificates, vetting); err != nil {
			return trust.Grant{}, err
		}
	}
	c, err := x509.ParseCertificate(g.Certificate)
	if err != nil {
		return trust.Grant{}, fmt.Errorf("read the certificate: %w", err)
	}
	name, err := bundle.Vet([]*x509.Certificate{c}, vetting)
	if err != nil {
		return trust.Grant{}, fmt.Errorf("the certificate that was given: %w", err)
	}
	if name.Node != n.id || !key.PublicKey.Equal(c.PublicKey) {
		return trust.Grant{}, fmt.Errorf("%w: the certificate that was given is for somebody else", errEnrolRefused)
	}
	return trust.Grant{Certificate: c, Key: key, Bundle: bundle, Gossip: g.Gossip}, nil
}

// adopt takes over what this node was given.
func (n *Node) adopt(g trust.Grant, members []string, token *pki.Token, from string) error {
	if err := n.trust.Adopt(g); err != nil {
		return fmt.Errorf("keep the certificate: %w", err)
	}
	how := "trusted at first sight, because this node has no join token"
	if token != nil {
		how = token.String()
	}
	authority := g.Bundle.Signer(g.Certificate)
	n.log.Info("this node has its certificate", "cluster", g.Bundle.Cluster(), "from", from,
		"authority", pki.FingerprintOf(authority), "how", how, "ends", g.Certificate.NotAfter)
	n.useGossipKeys()
	if n.gossip != nil {
		n.gossip.Meet(members)
	}
	return nil
}

// isStranger reports whether this node has no certificate yet, so that no other
// would speak with it.
func (n *Node) isStranger() bool {
	return n.trust != nil && !n.trust.External() && n.trust.Cluster() == ""
}

// toldToJoin is the member that an operator has told this node to join at.
func (n *Node) toldToJoin() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.via
}

// unseenInterval is how often a node with a join token looks for members that
// gossip does not show it.
const unseenInterval = time.Second

// unreadableFor is for how long gossip that could not be read is a reason to ask
// its sender why.
const unreadableFor = 15 * time.Second

// mayKnock reports whether there may be a cluster that gossip does not show.
func (n *Node) mayKnock() bool {
	if !n.isStranger() || len(n.opts.Peers) == 0 {
		return false
	}
	at := n.gossip.Unreadable()
	return n.opts.Security.JoinToken != nil || !at.IsZero() && time.Since(at) < unreadableFor
}

// enrolUnseenIsDue reports whether it is time to look for members that gossip
// does not show this node.
func (n *Node) enrolUnseenIsDue() bool {
	if !n.mayKnock() {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Since(n.looked) >= unseenInterval
}

// enrolUnseen enrols at the peers' ports between nodes, which are the ones after
// those of gossip unless somebody has set them: the gossip of a closed cluster
// is not for newcomers. It reports false where there is nothing to say of it.
func (n *Node) enrolUnseen(ctx context.Context) (why string, tried bool) {
	if !n.mayKnock() {
		return "", false
	}
	founds := n.opts.BootstrapExpect > 1
	if !n.enrolUnseenIsDue() {
		return n.waitingFor(), !founds
	}
	err := n.enrolAt(ctx, n.portsOfPeers())
	n.mu.Lock()
	n.looked = time.Now()
	n.mu.Unlock()
	if err == nil {
		return "the gossip of the cluster, now that this node has its certificate", true
	}
	return enrolText(err), !founds
}

// portsOfPeers are the peers' ports between nodes, as far as they can be guessed.
func (n *Node) portsOfPeers() []string {
	var out []string
	for _, p := range n.opts.Peers {
		host, port, err := net.SplitHostPort(p)
		if err != nil {
			continue
		}
		if number, err := strconv.ParseUint(port, 10, 16); err == nil && number > 0 && number < 65535 {
			out = append(out, net.JoinHostPort(host, strconv.FormatUint(number+1, 10)))
		}
	}
	return out
}

// gossipKeys are those to speak with, the one in use first: those of the state,
// else those that were handed out, else those that follow from the join token,
// else the one that everybody knows.
func (n *Node) gossipKeys() [][]byte {
	ring, _ := n.gossipRing()
	if len(ring.Items) == 0 {
		ring = n.trust.GossipKeys()
	}
	if len(ring.Items) == 0 {
		return [][]byte{n.firstGossipKey().Secret}
	}
	var out [][]byte
	for _, it := range ring.Items {
		if it.ID == ring.Using {
			out = append([][]byte{it.Secret}, out...)
		} else {
			out = append(out, it.Secret)
		}
	}
	return slices.DeleteFunc(out, func(k []byte) bool { return len(k) == 0 })
}

// firstGossipKey is the key of a cluster that is not founded yet. A token of a
// cluster that is there says nothing about its gossip, so its holder keeps
// silent: with a key that nobody has.
func (n *Node) firstGossipKey() pki.Item {
	t := n.opts.Security.JoinToken
	switch {
	case t == nil:
		return pki.OpenGossipKey()
	case t.Authority.IsZero():
		return pki.GossipItem(t.GossipKey(), n.Now())
	default:
		return n.muteKey
	}
}

// useGossipKeys has gossip speak with the keys of now.
func (n *Node) useGossipKeys() {
	if n.trust == nil {
		return
	}
	ring, _ := n.gossipRing()
	if n.gossip != nil {
		if err := n.gossip.SetKeys(n.gossipKeys()); err != nil {
			n.log.Error("gossip cannot use its keys", "err", err)
			return
		}
	}
	n.mu.Lock()
	n.speaks = pki.Report{Accepts: ring.IDs(), Uses: ring.Using}
	n.mu.Unlock()
}

// enrolText is for a waiting node's sentence on what it waits for.
func enrolText(err error) string {
	if next := pki.Next(err); next != "" {
		return err.Error() + "; " + next
	}
	return cmp.Or(err.Error(), "a certificate")
}
