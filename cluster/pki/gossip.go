package pki

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// NewGossipKey is a key for a Ring of gossip keys.
func NewGossipKey(now time.Time) Item {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return GossipItem(key, now)
}

// GossipItem is a gossip key in a Ring. Its ID says nothing of it.
func GossipItem(key []byte, now time.Time) Item {
	sum := sha256.Sum256(append([]byte("tocsin gossip key\x00"), key...))
	return Item{ID: hex.EncodeToString(sum[:8]), Secret: key, Added: now.UnixMilli()}
}

// OpenGossipKey is what the gossip of an open cluster is encrypted with. It is no
// secret: it is there so that gossip is opened and closed in the same way as keys
// are replaced, without a moment in which some speak and others do not hear.
func OpenGossipKey() Item {
	key := sha256.Sum256([]byte("tocsin open gossip 1"))
	it := GossipItem(key[:], time.UnixMilli(0))
	it.ID = "open"
	return it
}
