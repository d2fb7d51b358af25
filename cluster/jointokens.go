package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/cluster/pki"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// JoinToken is a join token as it may be shown.
type JoinToken struct {
	ID string
	pki.Admission
	// Text is the token itself. It is only there when the token is made.
	Text string
}

// The bounds of join tokens.
const (
	// MaxJoinTokens bounds those that a cluster keeps, expired ones included.
	MaxJoinTokens = 256
	// MaxJoinTTL and MaxJoinUses bound one.
	MaxJoinTTL  = 10 * 365 * 24 * time.Hour
	MaxJoinUses = 1000
)

var (
	// ErrOwnCertificates says that the nodes have the operator's certificates,
	// so that the cluster has neither tokens nor keys of its own.
	ErrOwnCertificates = errors.New("the nodes have certificates of your own (--cluster.tls-config), so the cluster has no authority and no join tokens")
	// ErrKeysChanging says that one key is taking another's place already.
	ErrKeysChanging = errors.New("a replacement is under way; `tocsin raft keys show` says what it waits for")
	// ErrOpenGossip says that an open cluster has no secret gossip key.
	ErrOpenGossip = errors.New("the gossip of an open cluster has a key that everybody knows; close the cluster with `tocsin raft token require on`")
	// ErrTooManyTokens says that there are MaxJoinTokens.
	ErrTooManyTokens = errors.New("there are too many join tokens; revoke some")
)

// CreateJoinToken makes a token for a number of nodes, 0 for any, that expires
// after ttl. Errors: ErrOwnCertificates, ErrTooManyTokens, and those of Propose.
func (n *Node) CreateJoinToken(ctx context.Context, who model.Actor, ttl time.Duration, uses int) (JoinToken, error) {
	a, err := n.ownAuthorities()
	if err != nil {
		return JoinToken{}, err
	}
	if n.opts.Machine.View().RecordCount(model.RecordJoinToken) >= MaxJoinTokens {
		return JoinToken{}, ErrTooManyTokens
	}
	_, signer, err := a.Open()
	if err != nil {
		return JoinToken{}, err
	}
	if signer == nil {
		return JoinToken{}, errNoAuthority
	}
	now := n.Now()
	t := pki.NewToken(signer.Fingerprint(), now.Add(ttl))
	out := JoinToken{ID: t.ID.String(), Admission: pki.AdmissionOf(t, uses, who.Name, now), Text: t.Text()}
	cmd := command.PutRecord{Record: model.RecordJoinToken, Name: out.ID, Body: out.Encode()}
	detail := fmt.Sprintf("for %d nodes, until %s", uses, t.Expires.UTC().Format(time.RFC3339))
	return out, n.changeRecord(ctx, who, command.As(cmd, "join_token.create", out.ID, detail))
}

// JoinTokens are those that the cluster keeps, the newest first.
func (n *Node) JoinTokens() []JoinToken {
	var out []JoinToken
	for r := range n.opts.Machine.View().Records(model.RecordJoinToken) {
		a, err := pki.ParseAdmission(r.Body)
		if err != nil {
			n.log.Error("a join token cannot be read", "token", r.Name, "err", err)
			continue
		}
		a.Key = nil
		out = append(out, JoinToken{ID: r.Name, Admission: a})
	}
	slices.SortFunc(out, func(a, b JoinToken) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// RevokeJoinToken drops a token and reports whether there was one.
func (n *Node) RevokeJoinToken(ctx context.Context, who model.Actor, id string) (found bool, err error) {
	if _, ok := n.opts.Machine.View().Record(model.RecordJoinToken, id); !ok {
		return false, nil
	}
	cmd := command.DropRecord{Record: model.RecordJoinToken, Name: id, BaseRev: model.AnyRev}
	return true, n.changeRecord(ctx, who, command.As(cmd, "join_token.revoke", id, ""))
}

// RequiresJoinToken reports whether the cluster is closed.
func (n *Node) RequiresJoinToken() bool { return n.isClosed() }

// RequireJoinToken closes the cluster, so that nodes need a token to join and
// gossip has a secret key, or opens it; it reports whether that is a change.
// Errors: ErrOwnCertificates, ErrKeysChanging, and those of Propose.
func (n *Node) RequireJoinToken(ctx context.Context, who model.Actor, closed bool) (changed bool, err error) {
	if _, err := n.ownAuthorities(); err != nil {
		return false, err
	}
	if n.isClosed() == closed {
		return false, nil
	}
	ring, rev := n.gossipRing()
	to := pki.OpenGossipKey()
	if closed {
		to = pki.NewGossipKey(n.Now())
	}
	next, ok := ring.Add(to)
	if !ok {
		return false, ErrKeysChanging
	}
	word := "open"
	if closed {
		word = "closed"
	}
	return true, n.changeRecord(ctx, who,
		command.As(command.PutRecord{
			Record: model.RecordPolicy, Name: recordJoin, BaseRev: model.AnyRev, Body: joinPolicy{Closed: closed}.encode(),
		}, "cluster."+word, string(n.clusterID()), ""),
		command.As(command.PutRecord{
			Record: model.RecordPKI, Name: recordGossip, BaseRev: rev, Body: next.Encode(),
		}, "keys.rotate", "gossip", "because the cluster is "+word+" now"))
}

// ownAuthorities are the cluster's, if it has any of its own.
func (n *Node) ownAuthorities() (pki.Authorities, error) {
	if n.trust == nil || n.trust.External() {
		return pki.Authorities{}, ErrOwnCertificates
	}
	a, _, ok := n.authorities()
	if !ok {
		return a, n.noQuorum(errNoAuthority)
	}
	return a, nil
}

// changeRecord changes records in somebody's name. Error: ErrKeysChanging, if
// somebody else was faster.
func (n *Node) changeRecord(ctx context.Context, who model.Actor, cmds ...command.Command) error {
	results, err := n.ProposeAs(ctx, who, cmds...)
	if err != nil {
		return err
	}
	for _, r := range results {
		switch {
		case r.Done():
		case r.Code == command.CodeConflict:
			return ErrKeysChanging
		default:
			return fmt.Errorf("%w: %s", ErrRejected, r.Detail)
		}
	}
	return nil
}
