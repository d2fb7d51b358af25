package model

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// NodeID names a node for life. It is random, kept in the data folder, and
// never derived from an address: addresses change, nodes stay.
type NodeID string

// ClusterID names a cluster for life. Nodes, snapshots and gossip messages of
// another cluster are refused by it.
type ClusterID string

// Millis is a point in time in milliseconds since the Unix epoch; 0 means
// "never" or "not set".
type Millis int64

// Token names one proposal. The proposer picks it before proposing, so a
// proposal whose outcome is unknown can be looked for, and repeated without
// being applied twice.
type Token [16]byte

// ErrBadToken says that a text is not a token: 32 hexadecimal digits.
var ErrBadToken = errors.New("not a token of 32 hexadecimal digits")

// ParseToken reads the form that String writes.
func ParseToken(s string) (Token, error) {
	var t Token
	if len(s) != 2*len(t) {
		return Token{}, fmt.Errorf("parse token %q: %w", s, ErrBadToken)
	}
	if _, err := hex.Decode(t[:], []byte(s)); err != nil {
		return Token{}, fmt.Errorf("parse token %q: %w", s, ErrBadToken)
	}
	return t, nil
}

// IsZero reports whether t names no proposal.
func (t Token) IsZero() bool { return t == Token{} }

// String is 32 lower-case hexadecimal digits.
func (t Token) String() string { return hex.EncodeToString(t[:]) }

// MarshalText writes the form that String writes.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (t *Token) UnmarshalText(b []byte) error {
	p, err := ParseToken(string(b))
	if err != nil {
		return err
	}
	*t = p
	return nil
}
