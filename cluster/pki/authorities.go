package pki

import (
	"encoding/json"
	"fmt"
	"time"
)

// Authorities are those of a cluster, as its state keeps them: a Ring whose
// public parts are certificates and whose secrets are their keys. One without a
// secret is trusted and signs nothing.
type Authorities struct {
	Ring
	// Fresh is when nodes were last asked to renew all certificates that are
	// older; zero if never.
	Fresh time.Time `json:"fresh,omitzero"`
}

// Item is the authority in a ring.
func (a *Authority) Item(now time.Time) (Item, error) {
	key, err := a.MarshalKey()
	if err != nil {
		return Item{}, err
	}
	return Item{ID: a.Fingerprint().String(), Public: a.Certificate.Raw, Secret: key, Added: now.UnixMilli()}, nil
}

// Open is what the authorities are good for: all are trusted, and the one in use
// signs; nil if its key is not there. Error: ErrMalformed.
func (a Authorities) Open() (Bundle, *Authority, error) {
	raw := make([][]byte, len(a.Items))
	for i, it := range a.Items {
		raw[i] = it.Public
	}
	bundle, err := ParseBundle(raw)
	if err != nil {
		return nil, nil, err
	}
	it, ok := a.Current()
	if !ok || len(it.Secret) == 0 {
		return bundle, nil, nil
	}
	signer, err := ParseAuthority(it.Public, it.Secret)
	return bundle, signer, err
}

// Encode is the form that is kept.
func (a Authorities) Encode() []byte { return encode(a) }

// ParseAuthorities reads what Encode wrote. Error: ErrMalformed.
func ParseAuthorities(b []byte) (Authorities, error) {
	var a Authorities
	return a, decode(b, &a, "authorities")
}

// Encode is the form that is kept.
func (r Ring) Encode() []byte { return encode(r) }

// ParseRing reads what Encode wrote. Error: ErrMalformed.
func ParseRing(b []byte) (Ring, error) {
	var r Ring
	return r, decode(b, &r, "ring of keys")
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error()) // bytes, strings and times only
	}
	return b
}

func decode(b []byte, to any, what string) error {
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%w %s", ErrMalformed, what)
	}
	return nil
}
