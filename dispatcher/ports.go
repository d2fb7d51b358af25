package dispatcher

import (
	"context"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// Ledger is the replicated record of what was told and of who is about to tell
// something. Methods are called by many goroutines. Entry and Watch answer from
// this node's own state, without waiting; the others wait for the cluster until
// their context ends.
type Ledger interface {
	// Entry is what this node's applied state knows of the key. The value is
	// shared and must not be changed.
	Entry(key model.DeliveryKey) (*model.Entry, bool)
	// Claim asks for the right to send. It answers after the decision is
	// visible through Entry. Repeating a request with the same token is safe.
	Claim(ctx context.Context, req model.ClaimRequest) (model.Grant, error)
	// Renew starts a live claim's time anew.
	Renew(ctx context.Context, key model.DeliveryKey, token model.Token) error
	// Settle says what was sent. It may be repeated.
	Settle(ctx context.Context, s model.Settlement) error
	// Release gives a claim back unsent. It may be repeated.
	Release(ctx context.Context, r model.Release) error
	// Watch's channel is closed, or gets a value, at the key's next change.
	// The function ends the watch and must be called.
	Watch(key model.DeliveryKey) (<-chan struct{}, func())
}

// Peers is how this node sees the others.
type Peers interface {
	// Rank is this node's place, from 0, among the nodes of its island that
	// may send for the key, and how many there are.
	Rank(key model.DeliveryKey) (rank, of int)
	// Quorum is how the node sees its cluster now.
	Quorum() model.Quorum
}

// Overlay keeps what was sent without a quorum until it is in the ledger.
type Overlay interface {
	// Keep writes the overlay to the local file, synced.
	Keep(o model.Overlay) error
	// Announce tells the peers, without waiting for them, and keeps the
	// overlay in the place of the one that it was kept under before its send.
	Announce(o model.Overlay)
	// Withdraw takes back an overlay that was kept for a send of which nothing
	// has left this node. It waits for nothing.
	Withdraw(o model.Overlay)
	// Overlays are those of the key, own and heard of, that are not in the
	// ledger yet: the newest of each origin, ordered by origin.
	Overlays(key model.DeliveryKey) []model.Overlay
}

// Silences says which silences mute an alert.
type Silences interface {
	// Mutes is the IDs of the silences that are active at now and match the
	// alert, ascending; nil if none.
	Mutes(a *alert.Alert, now time.Time) []string
}
