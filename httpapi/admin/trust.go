package admin

import (
	"context"
	"time"

	"tocsin/fsm/model"
)

// The bounds of join tokens.
const (
	MaxJoinTTL  = 10 * 365 * 24 * time.Hour
	MaxJoinUses = 1000
)

// Joining says who may join the cluster, and has this node join one. Errors are
// as with Versions.Apply.
type Joining interface {
	JoinTokens() []JoinToken
	// CreateJoinToken makes a token for uses nodes; 0 = any number.
	CreateJoinToken(ctx context.Context, ttl time.Duration, uses int) (JoinToken, error)
	RevokeJoinToken(ctx context.Context, id string) (found bool, err error)
	RequiresJoinToken() bool
	RequireJoinToken(ctx context.Context, required bool) (changed bool, err error)
	// JoinAt says what it did. token is the text of a join token; may be empty.
	JoinAt(ctx context.Context, address, token string) (did string, err error)
}

// JoinToken lets nodes into the cluster.
type JoinToken struct {
	ID               string
	Created, Expires time.Time // Expires may be zero: never
	CreatedBy        string
	Uses             int // 0 = any number
	Used             []JoinUse
	// Text is the token itself, only there when it is made.
	Text string
}

// JoinUse is one node that has joined with a token.
type JoinUse struct {
	Node model.NodeID
	At   time.Time
}

// NodeKeys are the keys and certificates between nodes.
type NodeKeys interface {
	Security(ctx context.Context) Security
	// RotateKeys begins to replace keys: gossip, ca or certs.
	RotateKeys(ctx context.Context, kind string) error
}

// Security is how the nodes know each other, as one of them sees it. Times are
// zero where they are not known.
type Security struct {
	TLS, Own, Required               bool
	Issued, Due, Ends, AuthorityEnds time.Time
	Keys                             []KeyState
}

// KeyState is how a kind of keys stands.
type KeyState struct {
	Kind, Using string
	Changing    bool
	Step        string
	Waits       []string
}
