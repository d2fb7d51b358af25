package model

// Entry is what the cluster knows of one delivery key: what the receiver was
// last told, and who is about to tell it something. Shared and immutable.
type Entry struct {
	Key DeliveryKey
	// Rev counts every change of the entry that a claim is based on.
	Rev uint64
	// Gen counts settlements and merges only, so that a takeover sends the
	// same delivery ID as the sender that it takes over from.
	Gen uint64
	// Stamp is when the last message was settled or merged, by the clock of
	// the leader of that time; 0 if never.
	Stamp Millis
	// Changed is when the entry last changed in any way, by the clock of the
	// leader of that time.
	Changed Millis
	// Must are the alerts that the receiver has certainly last been told are
	// firing, Maybe those that it may have been told are firing, Resolved
	// those that it has certainly last been told are resolved: complete up to
	// MaxResolved of them, beyond that only those of the last message. Must
	// and Maybe are disjoint.
	Must, Maybe, Resolved AlertSet
	// Data is what the integration keeps between messages.
	Data Data
	// Attempt counts failed tries since the last message that arrived; with
	// the ranks it says whose turn it is. NotBefore is when the next may be.
	Attempt   uint32
	NotBefore Millis
	// Claim is the live claim, or nil.
	Claim *Claim
	// Lapsed are the last claims that expired unsettled, newest last, at most
	// MaxLapsed: a late settlement of one of them is evidence.
	Lapsed []Claim
	// Spent are the tokens of the last claims that were settled or released,
	// newest last, at most MaxSpent: a proposal that is repeated because its
	// answer got lost is known by them.
	Spent []SpentToken
	// Merged says which overlays are already in, one mark a node, ascending by
	// node.
	Merged []OverlayMark
	// Strands are the concurrent lines of messages that Must, Maybe and
	// Resolved are joined from; empty unless the last change was the merge of
	// an overlay. They make the join the same in whatever order overlays come.
	Strands []Strand
}

// MaxLapsed bounds Entry.Lapsed, MaxSpent Entry.Spent, MaxResolved the part of
// Entry.Resolved that is older than the last message.
const (
	MaxLapsed   = 4
	MaxSpent    = 4
	MaxResolved = 1024
)

// SpentToken is the token of a claim that is over.
type SpentToken struct {
	Token Token
	// Settled: its message was sent and is in the entry. Otherwise it was
	// released.
	Settled bool
}

// Strand is one line of messages, as it stood when it was merged: that of the
// ledger, or that of a node which was cut off.
type Strand struct {
	// Origin, Epoch and Seq are those of the overlay; Origin is empty for the
	// ledger's own line.
	Origin NodeID
	Epoch  uint64
	Seq    uint64
	// Base is the revision that the line was built on, At the one at which it
	// came into the entry. A line whose Base is not below the At of another
	// knew of that other and stands for both.
	Base, At uint64
	// Pinned: the line has a live claim, so nothing can stand for it. Absent:
	// the ledger had no entry, though it may have had one before.
	Pinned, Absent bool

	Stamp                 Millis
	Must, Maybe, Resolved AlertSet
	Data                  Data
}

// Claim is the right to send the next message of a key.
type Claim struct {
	Token     Token
	Node      NodeID
	BaseRev   uint64
	BaseGen   uint64
	ConfigRev uint64
	// Rev is the entry's revision right after the grant. An entry with another
	// one has changed under the claim: the holder that has not sent yet should
	// release, and evaluate anew.
	Rev      uint64
	Firing   AlertSet
	Resolved AlertSet
	Reason   Reason
	// GrantedIndex is the log index of the grant, GrantedStamp the leader's
	// clock at it.
	GrantedIndex uint64
	GrantedStamp Millis
	// Overtaken: it expired, and a later claim has been granted since.
	Overtaken bool
}

// ClaimRequest asks for a claim.
type ClaimRequest struct {
	Key       DeliveryKey
	Token     Token
	Node      NodeID
	BaseRev   uint64
	ConfigRev uint64
	Firing    AlertSet
	Resolved  AlertSet
	Reason    Reason
	// MinGap is how long after the entry's last message this one may be sent,
	// in milliseconds: the group interval, or the repeat interval where that
	// is the reason, less some slack. It binds only while the group is open
	// (Must or Maybe not empty).
	MinGap int64
}

// Denial says why a claim was not granted.
type Denial uint8

// The denials. DeniedNot means that the claim was granted.
const (
	DeniedNot       Denial = iota
	DeniedClaimed          // another claim on the key lives
	DeniedStaleRev         // the entry has changed since
	DeniedStaleConf        // the configuration has changed since
	DeniedTooEarly         // the key's interval is not over yet
	DeniedNotMember        // the proposer is not a node of the cluster
	DeniedSpent            // the token was granted before and is over
)

// String is one or two words for logs.
func (d Denial) String() string {
	switch d {
	case DeniedNot:
		return "granted"
	case DeniedClaimed:
		return "claimed"
	case DeniedStaleRev:
		return "stale entry"
	case DeniedStaleConf:
		return "stale config"
	case DeniedTooEarly:
		return "too early"
	case DeniedNotMember:
		return "not a member"
	case DeniedSpent:
		return "token spent"
	default:
		return "unknown denial"
	}
}

// Grant is the answer to a ClaimRequest.
type Grant struct {
	Denied Denial
	// Rev is the entry's revision after the decision, Index the log index of
	// the decision.
	Rev   uint64
	Index uint64
	// RetryAfter is how long to wait before it could be granted, in
	// milliseconds; set for DeniedTooEarly.
	RetryAfter int64
}

// Settlement reports what a claim's holder sent. Firing and Resolved are what
// the message really said: each a subset of the claim's. If Delivery has no
// Outcome the settlement is quiet: nothing was sent, and the sets are moved all
// the same. Then the entry's Stamp and Data stay, and the history gets no row.
type Settlement struct {
	Key      DeliveryKey
	Token    Token
	Node     NodeID
	Firing   AlertSet
	Resolved AlertSet
	Data     Data
	Delivery Delivery
}

// Release gives a claim back unsent.
type Release struct {
	Key   DeliveryKey
	Token Token
	Node  NodeID
	// Failed: it was tried and the receiver did not confirm it. Then Attempt of
	// the entry goes up and NotBefore is kept, Delivery becomes a row of the
	// history, and the claim's alerts come in doubt as if it had expired: what
	// failed after the last byte may have arrived. Otherwise nothing was sent.
	Failed    bool
	NotBefore Millis
	Delivery  Delivery
}

// Expiry is the leader's word that a claim's time is over.
type Expiry struct {
	Key   DeliveryKey
	Token Token
}

// Delivery is one row of the delivery history: one message, or one failed try.
type Delivery struct {
	// Seq is the row's number, given by the state machine, ascending from 1.
	Seq uint64
	// ID is the delivery ID: equal on every retry, on a takeover, and on both
	// sides of a split with equal views.
	ID       string
	Key      DeliveryKey
	Node     NodeID
	Token    Token
	Outcome  Outcome
	Reason   Reason
	Firing   uint32
	Resolved uint32
	// Tries counts requests made to the receiver.
	Tries uint32
	// At is when it ended by the sender's clock, Stamp by the leader's.
	At    Millis
	Stamp Millis
	// Took is how long sending took, in milliseconds.
	Took int64
	// Error is what the receiver or the network said, without secrets, at
	// most MaxErrorBytes.
	Error string
	// Degraded: sent without a quorum.
	Degraded bool
	// InLease: the last byte of the message left while its claim was good, so
	// before anything that was sent under a later one. An overlay says so only
	// if there is nothing in it but the entry at the grant and this message.
	InLease bool
}

// MaxErrorBytes bounds Delivery.Error.
const MaxErrorBytes = 512

// Outcome says how a delivery ended.
type Outcome uint8

// The outcomes.
const (
	OutcomeSent Outcome = iota + 1
	OutcomeFailed
	OutcomeExpired // the holder was not heard of again
)

// String is one word for logs and tables.
func (o Outcome) String() string {
	switch o {
	case OutcomeSent:
		return "sent"
	case OutcomeFailed:
		return "failed"
	case OutcomeExpired:
		return "expired"
	default:
		return "unknown"
	}
}
