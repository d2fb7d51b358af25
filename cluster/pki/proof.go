package pki

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
)

// TokenKey is derived from a token's secret.
type TokenKey [sha256.Size]byte

// String shows nothing of it.
func (TokenKey) String() string { return "(secret)" }

// GoString shows nothing of it.
func (TokenKey) GoString() string { return "(secret)" }

// Side says who proves something.
type Side string

// The two sides of a connection.
const (
	SideAsking    Side = "asking"
	SideAnswering Side = "answering"
)

// Proof shows that its maker knows the token, to whoever knows it too, and to
// nobody else: it holds for one side of one connection, which binding names
// (TLS' exported keying material, so that nobody can stand in between), and for
// what was said on it.
func (k TokenKey) Proof(side Side, binding, said []byte) []byte {
	h := hmac.New(sha256.New, k[:])
	digest := sha256.Sum256(said)
	h.Write([]byte("tocsin proof 1\x00" + string(side) + "\x00"))
	bound := sha256.Sum256(binding)
	h.Write(bound[:])
	h.Write(digest[:])
	return h.Sum(nil)
}

// Proves reports whether proof is the one of that side. It takes as long for a
// wrong one as for a right one.
func (k TokenKey) Proves(proof []byte, side Side, binding, said []byte) bool {
	return subtle.ConstantTimeCompare(proof, k.Proof(side, binding, said)) == 1
}
