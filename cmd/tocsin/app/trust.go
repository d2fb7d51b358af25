package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/cluster"
	"tocsin/cluster/pki"
	"tocsin/httpapi/access"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

// joining says who may join the cluster, for the API.
type joining struct{ node *cluster.Node }

// JoinTokens are those of the cluster.
func (j joining) JoinTokens() []admin.JoinToken {
	var out []admin.JoinToken
	for _, t := range j.node.JoinTokens() {
		out = append(out, shownToken(t))
	}
	return out
}

func shownToken(t cluster.JoinToken) admin.JoinToken {
	out := admin.JoinToken{ID: t.ID, Created: t.Created, Expires: t.Expires, CreatedBy: t.By, Uses: t.Uses, Text: t.Text}
	for _, u := range t.Used {
		out.Used = append(out.Used, admin.JoinUse{Node: u.Node, At: u.At})
	}
	return out
}

// CreateJoinToken makes a token.
func (j joining) CreateJoinToken(ctx context.Context, ttl time.Duration, uses int) (admin.JoinToken, error) {
	t, err := j.node.CreateJoinToken(ctx, access.Actor(ctx), ttl, uses)
	return shownToken(t), refusedKeys(err)
}

// RevokeJoinToken drops a token.
func (j joining) RevokeJoinToken(ctx context.Context, id string) (bool, error) {
	found, err := j.node.RevokeJoinToken(ctx, access.Actor(ctx), id)
	return found, refusedKeys(err)
}

// RequiresJoinToken reports whether the cluster is closed.
func (j joining) RequiresJoinToken() bool { return j.node.RequiresJoinToken() }

// RequireJoinToken closes or opens the cluster.
func (j joining) RequireJoinToken(ctx context.Context, required bool) (bool, error) {
	changed, err := j.node.RequireJoinToken(ctx, access.Actor(ctx), required)
	return changed, refusedKeys(err)
}

// JoinAt has this node join a cluster.
func (j joining) JoinAt(ctx context.Context, address, text string) (string, error) {
	var token *pki.Token
	if text != "" {
		t, err := pki.ParseToken(text)
		if err != nil {
			return "", detailed(refusal.ErrInvalid, fmt.Sprintf("%v; %s", err, pki.Next(err)))
		}
		token = &t
	}
	did, err := j.node.JoinAt(ctx, address, token)
	return did, refusedKeys(err)
}

// nodeKeys are the keys between nodes, for the API.
type nodeKeys struct{ node *cluster.Node }

// Security is how the nodes know each other.
func (k nodeKeys) Security(ctx context.Context) admin.Security {
	s := k.node.Security(ctx)
	out := admin.Security{
		TLS: s.TLS, Own: s.Own, Required: s.Closed,
		Issued: s.CertificateIssued, Due: s.CertificateDue, Ends: s.CertificateEnds, AuthorityEnds: s.AuthorityEnds,
	}
	for _, one := range s.Keys {
		out.Keys = append(out.Keys, admin.KeyState{
			Kind: string(one.Kind), Using: one.Using, Changing: one.Changing, Step: one.Step, Waits: one.Waits,
		})
	}
	return out
}

// RotateKeys begins to replace keys.
func (k nodeKeys) RotateKeys(ctx context.Context, kind string) error {
	return refusedKeys(k.node.RotateKeys(ctx, access.Actor(ctx), cluster.KeyKind(kind)))
}

// refusedKeys is refused for what has to do with keys and joining.
func refusedKeys(err error) error {
	for reason, errs := range map[error][]error{
		refusal.ErrConflict: {cluster.ErrKeysChanging},
		refusal.ErrLimit:    {cluster.ErrTooManyTokens},
		refusal.ErrInvalid: {
			cluster.ErrOwnCertificates, cluster.ErrOpenGossip, cluster.ErrKeyKind,
			cluster.ErrJoinSelf, cluster.ErrIsMemberOf, cluster.ErrWasRemoved,
		},
	} {
		for _, e := range errs {
			if errors.Is(err, e) {
				return detailed(reason, err.Error())
			}
		}
	}
	return refused(err)
}
