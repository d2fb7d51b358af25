package admin

import (
	"context"
	"iter"

	"tocsin/fsm/model"
)

// Versions are the versions of the configuration.
type Versions interface {
	// Active is the version in force; nil before the first.
	Active() *model.ConfigVersion
	// Version finds any version that is kept.
	Version(rev uint64) (*model.ConfigVersion, bool, error)
	// History is at most limit versions, newest first.
	History(limit int) ([]*model.ConfigVersion, error)
	// Masked is the version's YAML with its secrets masked.
	Masked(*model.ConfigVersion) (string, error)
	// Check finds what is wrong with a version of which only texts are set.
	Check(*model.ConfigVersion) []Problem
	// Apply makes v the active version, if the active one is baseRev (0: any),
	// and returns its number once this node runs it. Errors: *Invalid, a
	// *refusal.Refusal, or one that wraps a sentinel of refusal.
	Apply(ctx context.Context, v *model.ConfigVersion, baseRev uint64) (uint64, error)
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File string `json:"file"`
	// Line and Column count from 1; 0 is unknown.
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
}

// Invalid is the error of a configuration with problems.
type Invalid struct {
	Problems []Problem
	// Node names the node that refused it; empty: this one.
	Node string
}

// Error is a sentence; the problems are to be looked at one by one.
func (e *Invalid) Error() string {
	if e.Node != "" {
		return "node " + e.Node + " cannot load the configuration"
	}
	return "the configuration has problems"
}

// Members changes who is in the cluster. Errors are as with Versions.Apply;
// refusal.ErrNotFound is for a node that is not there.
type Members interface {
	AddPeer(ctx context.Context, id model.NodeID, raftAddress string, voter bool) error
	// ChangePeer changes a member, which is named by its ID or name, and says
	// what was done.
	ChangePeer(ctx context.Context, idOrName string, change PeerChange) (did string, err error)
	// TransferLeadership makes another voter lead and says what was done; to =
	// "" leaves the choice to Raft.
	TransferLeadership(ctx context.Context, to model.NodeID) (did string, err error)
	// LookAround asks all nodes how they are, so that the next answer about them
	// is of now.
	LookAround(ctx context.Context)
	Autopilot() Autopilot
	SetAutopilot(context.Context, Autopilot) error
}

// PeerChange is one change of a member.
type PeerChange struct {
	// Verb is remove, promote, demote or address.
	Verb    string
	Address string
	// Force does it although there would be no quorum.
	Force bool
}

// Autopilot says how the cluster tends its members by itself.
type Autopilot struct {
	Cleanup          bool  `json:"cleanup_dead_servers"`
	DeadAfterSeconds int64 `json:"dead_after_seconds"`
	MinQuorum        int   `json:"min_quorum"`
}

// Ledger is what was told to receivers, as this node's state has it.
type Ledger interface {
	Entries() iter.Seq[*model.Entry]
	// Deliveries are rows of the history, newest first. On the first page
	// stand before them, with Seq 0, those that were sent without a quorum and
	// are in no history yet.
	Deliveries(DeliveryQuery) ([]model.Delivery, error)
}

// DeliveryQuery says which rows of the history are wanted. Empty fields want
// all.
type DeliveryQuery struct {
	Receiver, Group, Integration string
	Outcome                      model.Outcome
	// Before wants rows with a smaller Seq; 0 wants the newest.
	Before uint64
	// Limit is from 1 to MaxLimit.
	Limit int
}
