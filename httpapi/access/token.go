package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"tocsin/fsm/model"
)

// Token lets somebody use the HTTP API. It is kept as a record, with the hash of
// its secret; the secret itself is known to its owner only.
type Token struct {
	// Name is for people, and unique.
	Name string `json:"-"`
	// ID is the part of the secret by which its token is found.
	ID   string `json:"id"`
	Hash []byte `json:"hash"`
	Role Role   `json:"role"`
	// Created and Expires are milliseconds since the epoch; Expires 0 = never.
	Created   model.Millis `json:"created"`
	Expires   model.Millis `json:"expires,omitempty"`
	CreatedBy string       `json:"created_by,omitempty"`
}

const (
	secretPrefix = "tocsin_"
	idBytes      = 6
	secretBytes  = 32
)

// secretLength is that of a whole secret: prefix, ID, an underscore, the rest.
var secretLength = len(secretPrefix) + hex.EncodedLen(idBytes) + 1 + base64.RawURLEncoding.EncodedLen(secretBytes)

// tokenName keeps names readable wherever they are shown.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

// Errors of tokens.
var (
	// ErrTokenName says that a token cannot have this name.
	ErrTokenName = errors.New("a token's name has 1 to 64 letters, digits, dots, dashes, underscores and at-signs, and begins with a letter or a digit")
	// ErrTokenRecord says that a record is no token of this program.
	ErrTokenRecord = errors.New("not the record of a token")
)

// mint makes a secret and the token that knows its hash.
func mint(name string, role Role) (secret string, t Token) {
	random := make([]byte, idBytes+secretBytes)
	rand.Read(random) // never fails
	id := hex.EncodeToString(random[:idBytes])
	secret = secretPrefix + id + "_" + base64.RawURLEncoding.EncodeToString(random[idBytes:])
	return secret, Token{Name: name, ID: id, Hash: hashOf(secret), Role: role}
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// idOf is the ID in a secret; false if it is no secret of ours.
func idOf(secret string) (string, bool) {
	rest, ok := strings.CutPrefix(secret, secretPrefix)
	id, _, cut := strings.Cut(rest, "_")
	return id, ok && cut && len(secret) == secretLength && len(id) == hex.EncodedLen(idBytes)
}

// is reports whether secret is the token's, in a time that does not tell how
// much of it is.
func (t *Token) is(secret string) bool {
	return subtle.ConstantTimeCompare(t.Hash, hashOf(secret)) == 1
}

// Expired reports whether the token is over at now.
func (t *Token) Expired(now time.Time) bool {
	return t.Expires != 0 && now.UnixMilli() >= int64(t.Expires)
}

func (t *Token) body() []byte {
	b, err := json.Marshal(t)
	if err != nil {
		panic("BUG: a token cannot be encoded: " + err.Error())
	}
	return b
}

func tokenOf(r model.Record) (Token, error) {
	var t Token
	if err := json.Unmarshal(r.Body, &t); err != nil || t.ID == "" || len(t.Hash) != sha256.Size {
		return Token{}, fmt.Errorf("token %q: %w", r.Name, ErrTokenRecord)
	}
	t.Name = r.Name
	return t, nil
}
