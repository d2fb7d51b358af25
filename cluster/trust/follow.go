package trust

import (
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"tocsin/cluster/pki"
)

// Grant is what a node gets when it enrols.
type Grant struct {
	Certificate *x509.Certificate
	Key         *ecdsa.PrivateKey
	Bundle      pki.Bundle
	Gossip      pki.Ring
}

// Adopt has this node show and believe what it was granted, from now on and
// after a restart. Error: pki.ErrMalformed, and those of Keep.
func (t *Trust) Adopt(g Grant) error {
	key, err := pki.MarshalKey(g.Key)
	if err != nil {
		return err
	}
	if g.Bundle.Signer(g.Certificate) == nil {
		return fmt.Errorf("adopt a certificate: %w", pki.ErrUnknownAuthority)
	}
	t.mu.Lock()
	err = t.use(kept{Key: key, Certificate: g.Certificate.Raw, Bundle: g.Bundle.Raw(), Gossip: g.Gossip})
	t.dirty = t.dirty || err == nil
	t.mu.Unlock()
	if err != nil {
		return err
	}
	return t.save()
}

// Follow brings this node in line with the authorities and the gossip keys of
// the replicated state: it trusts all authorities, and shows a certificate of
// the one in use, signed by itself. It reports whether anything has changed.
// Call it when the state has changed, and now and then.
func (t *Trust) Follow(state pki.Authorities, gossip pki.Ring) (changed bool, err error) {
	changed, err = t.follow(state, gossip)
	if err != nil {
		return changed, err
	}
	return changed, t.save()
}

func (t *Trust) follow(state pki.Authorities, gossip pki.Ring) (changed bool, err error) {
	bundle, signer, err := state.Open()
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	next := t.kept
	next.Bundle = bundle.Raw()
	if len(gossip.Items) > 0 {
		next.Gossip = gossip
	}
	if signer != nil && t.isDue(bundle, signer, state.Fresh) {
		if err := t.sign(signer, &next, state.Fresh); err != nil {
			return false, err
		}
	}
	if t.leaf == nil && next.Certificate == nil || next.equal(t.kept) {
		return false, nil
	}
	if err := t.use(next); err != nil {
		return false, err
	}
	t.dirty = true
	return true, nil
}

func (k kept) equal(o kept) bool {
	return slices.Equal(k.Certificate, o.Certificate) && slices.EqualFunc(k.Bundle, o.Bundle, slices.Equal) &&
		k.Gossip.Using == o.Gossip.Using && slices.Equal(k.Gossip.IDs(), o.Gossip.IDs())
}

// isDue reports whether the node needs another certificate. t.mu is held.
func (t *Trust) isDue(bundle pki.Bundle, signer *pki.Authority, fresh time.Time) bool {
	if t.leaf == nil {
		return true
	}
	name, err := pki.NameOf(t.leaf)
	switch {
	case err != nil || name != (pki.Name{Cluster: signer.Cluster(), Node: t.opts.Node}):
		return true
	case t.leaf.CheckSignatureFrom(signer.Certificate) != nil:
		return true
	default:
		return !t.opts.Now().Before(pki.Due(t.leaf)) || pki.Issued(t.leaf).Before(fresh)
	}
}

// sign makes a new key and a certificate for it.
func (t *Trust) sign(by *pki.Authority, k *kept, fresh time.Time) error {
	now := t.opts.Now()
	if now.Before(fresh) {
		now = fresh // by the clock of who asked for it
	}
	key, err := pki.NewKey()
	if err != nil {
		return err
	}
	c, err := by.Sign(pki.Request{Node: t.opts.Node, Key: &key.PublicKey}, now)
	if err != nil {
		return err
	}
	if k.Key, err = pki.MarshalKey(key); err != nil {
		return err
	}
	k.Certificate = c.Raw
	t.opts.Logger.Info("this node has a new certificate", "authority", by.Fingerprint(), "ends", c.NotAfter)
	return nil
}
