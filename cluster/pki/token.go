package pki

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Token lets a node into a cluster: it says which cluster is the right one, and
// holds a secret that shows the cluster that the node may join.
type Token struct {
	// ID names the token in lists and logs. It is no secret.
	ID TokenID
	// Authority is the cluster's; zero in a token that was made before the
	// cluster was.
	Authority Fingerprint
	// Expires is when the token ends; zero if it does not by itself. Seconds.
	Expires time.Time
	secret  [secretBytes]byte
}

// TokenID names a token.
type TokenID [6]byte

const (
	secretBytes = 20
	sumBytes    = 5
	tokenBytes  = 6 + sha256.Size + 8 + secretBytes + sumBytes
	prefix      = "tocsin-join-1-"
	family      = "tocsin-join-"
	// MaxTokenText bounds the text of a token with the white space around it.
	MaxTokenText = 1024
)

// tokenText has neither 0, 1, 8 nor 9, which look like letters.
var tokenText = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewToken makes a token with a new secret. authority is zero for a token of a
// cluster that is not founded yet.
func NewToken(authority Fingerprint, expires time.Time) Token {
	t := Token{Authority: authority}
	if !expires.IsZero() {
		t.Expires = time.Unix(expires.Unix(), 0).UTC()
	}
	_, _ = rand.Read(t.ID[:]) // never fails
	_, _ = rand.Read(t.secret[:])
	return t
}

// String is the token's ID, hexadecimal.
func (id TokenID) String() string { return hex.EncodeToString(id[:]) }

// ParseTokenID reads what String wrote. Error: ErrNotToken.
func ParseTokenID(s string) (id TokenID, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%w ID: %q", ErrNotToken, s)
	}
	return TokenID(b), nil
}

// String is the token's ID, so that a token that gets into a log is no secret.
func (t Token) String() string { return "join token " + t.ID.String() }

// GoString is String.
func (t Token) GoString() string { return t.String() }

// LogValue is what a log shows.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Text is the token as people copy it, the secret included.
func (t Token) Text() string {
	b := append(t.public(), t.secret[:]...)
	sum := sha256.Sum256(append([]byte(prefix), b...))
	return prefix + strings.ToLower(tokenText.EncodeToString(append(b, sum[:sumBytes]...)))
}

// public is all of the token but its secret.
func (t Token) public() []byte {
	b := append([]byte(nil), t.ID[:]...)
	b = append(b, t.Authority[:]...)
	var expires uint64
	if !t.Expires.IsZero() {
		expires = uint64(t.Expires.Unix())
	}
	return binary.BigEndian.AppendUint64(b, expires)
}

// ParseToken reads what Text wrote; white space around it and capitals do no
// harm. Errors: ErrNotToken, ErrNewerToken, ErrMistyped. None of them shows what
// was read.
func ParseToken(text string) (Token, error) {
	if len(text) > MaxTokenText {
		return Token{}, ErrNotToken
	}
	text = strings.ToLower(strings.TrimSpace(text))
	if !strings.HasPrefix(text, family) {
		return Token{}, ErrNotToken
	}
	body, ok := strings.CutPrefix(text, prefix)
	if !ok {
		if v, _, found := strings.Cut(strings.TrimPrefix(text, family), "-"); found && v > "1" && len(v) <= 3 {
			return Token{}, ErrNewerToken
		}
		return Token{}, ErrMistyped
	}
	b, err := tokenText.DecodeString(strings.ToUpper(body))
	if err != nil || len(b) != tokenBytes {
		return Token{}, ErrMistyped
	}
	sum := sha256.Sum256(append([]byte(prefix), b[:tokenBytes-sumBytes]...))
	if string(sum[:sumBytes]) != string(b[tokenBytes-sumBytes:]) || strings.ToLower(tokenText.EncodeToString(b)) != body {
		return Token{}, ErrMistyped
	}
	var t Token
	b = b[copy(t.ID[:], b):]
	b = b[copy(t.Authority[:], b):]
	if expires := binary.BigEndian.Uint64(b); expires > 0 && expires < 1<<40 {
		t.Expires = time.Unix(int64(expires), 0).UTC()
	}
	copy(t.secret[:], b[8:])
	return t, nil
}

// Key is what the cluster keeps of a token: enough to know who has it. It
// depends on all of the token, so that a token with another end does not fit.
func (t Token) Key() TokenKey {
	return TokenKey(t.derive("tocsin join 1\x00"+string(t.public()), sha256.Size))
}

// GossipKey is the key with which the gossip of a cluster that is founded with
// this token begins.
func (t Token) GossipKey() []byte {
	return t.derive("tocsin gossip 1\x00"+string(t.public()), 32)
}

func (t Token) derive(info string, n int) []byte {
	b, err := hkdf.Key(sha256.New, t.secret[:], nil, info, n)
	if err != nil {
		panic("BUG: " + err.Error()) // only for more bytes than SHA-256 can give
	}
	return b
}
