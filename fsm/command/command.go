package command

import "tocsin/fsm/model"

// Command is one change of the replicated state. The kinds of this package are
// the only ones.
type Command interface {
	// Kind says which command it is.
	Kind() Kind
	// WriteWire writes it as a message.
	WriteWire(w *model.WireWriter)

	check() error
}

// Kind names a command on the wire. Numbers are never used again.
type Kind uint8

// The kinds.
const (
	KindFoundCluster Kind = iota + 1
	KindPutConfig
	KindPutSilence
	KindExpireSilence
	KindClaim
	KindSettle
	KindRelease
	KindExpire
	KindMergeOverlay
	KindPutNode
	KindRemoveNode
	KindGC
	KindSetMinVersion
	KindPutRecord
	KindDropRecord
	KindSigned
)

// String is the command's name in logs and metrics.
func (k Kind) String() string {
	names := [...]string{
		"", "found_cluster", "put_config", "put_silence", "expire_silence", "claim", "settle",
		"release", "expire", "merge_overlay", "put_node", "remove_node", "gc", "set_min_version",
		"put_record", "drop_record", "signed",
	}
	if k == 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Since is the first command version that knows the kind.
func (k Kind) Since() uint32 {
	if k <= KindSetMinVersion {
		return 1
	}
	return 2
}

// Needs is the version that a program must know to apply all of cmds.
func Needs(cmds ...Command) uint32 {
	v := uint32(1)
	for _, c := range cmds {
		v = max(v, c.Kind().Since())
		switch c := c.(type) {
		case Signed:
			if c.Command != nil {
				v = max(v, c.Command.Kind().Since())
			}
		case Settle:
			v = max(v, needs(&c.Delivery))
		case Release:
			v = max(v, needs(&c.Delivery))
		case MergeOverlay:
			v = max(v, needs(&c.Delivery))
		}
	}
	return v
}

// inLeaseSince is the first command version that knows Delivery.InLease. One that
// does not know a field cannot apply a command with it.
const inLeaseSince = 2

func needs(d *model.Delivery) uint32 {
	if d.InLease {
		return inLeaseSince
	}
	return 1
}

// Lower is c as programs know it that know command versions up to the given one:
// without what was added to its kind since. What is left out may be left out.
func Lower(c Command, version uint32) Command {
	if version >= inLeaseSince {
		return c
	}
	switch c := c.(type) {
	case Settle:
		c.Delivery.InLease = false
		return c
	case Release:
		c.Delivery.InLease = false
		return c
	case MergeOverlay:
		c.Delivery.InLease = false
		return c
	default:
		return c
	}
}

// FoundCluster gives the cluster its name, once and for ever.
type FoundCluster struct{ ID model.ClusterID }

// PutConfig makes a version of the configuration the active one. The state
// machine gives it its Rev and its Stamp; SHA256 must be its Sum.
type PutConfig struct {
	// BaseRev is the version that it was made from; 0 = any.
	BaseRev uint64
	// Seed: only if there is no version yet, so that nodes which start together
	// with the same file make one version of it.
	Seed bool
	// Token names the proposal: a repeated one gets the same answer.
	Token   model.Token
	Version model.ConfigVersion
}

// PutSilence creates a silence or changes one. The proposer picks the ID.
type PutSilence struct {
	Silence model.Silence
	// BaseRev is the Rev that was changed; 0 = it must not exist.
	BaseRev uint64
	// MaxSilences bounds how many there may be, expired ones included, when
	// one is created; 0 = no bound.
	MaxSilences uint32
}

// ExpireSilence ends a silence at the given time.
type ExpireSilence struct {
	ID string
	At model.Millis
}

// Claim asks for the right to send.
type Claim struct{ model.ClaimRequest }

// Settle reports what was sent under a claim.
type Settle struct{ model.Settlement }

// Release gives a claim back.
type Release struct{ model.Release }

// Expire ends a claim whose holder was not heard of in time.
type Expire struct{ model.Expiry }

// MergeOverlay brings in what a node sent without a quorum.
type MergeOverlay struct{ model.Overlay }

// PutNode adds or changes the record of a node.
type PutNode struct{ model.Node }

// RemoveNode removes the record of a node.
type RemoveNode struct{ ID model.NodeID }

// GC drops what nobody needs any more. A bound that is 0 drops nothing.
type GC struct {
	// SilencesBefore drops silences that ended before it.
	SilencesBefore model.Millis
	// EntriesBefore drops ledger entries that last changed before it, if the
	// receiver was last told that nothing is firing and no claim lives.
	EntriesBefore model.Millis
	// HistoryBefore drops rows of the delivery history stamped before it,
	// HistoryMax all but that many of the newest. One command drops at most
	// MaxGCRows.
	HistoryBefore model.Millis
	HistoryMax    uint64
}

// MaxGCRows bounds how many rows of the history one GC drops, so that applying
// it stays short; the next one goes on.
const MaxGCRows = 10_000

// SetMinVersion raises the lowest command version that every voter knows. It is
// never lowered.
type SetMinVersion struct{ Version uint32 }

// Kind is KindFoundCluster.
func (FoundCluster) Kind() Kind { return KindFoundCluster }

// Kind is KindPutConfig.
func (PutConfig) Kind() Kind { return KindPutConfig }

// Kind is KindPutSilence.
func (PutSilence) Kind() Kind { return KindPutSilence }

// Kind is KindExpireSilence.
func (ExpireSilence) Kind() Kind { return KindExpireSilence }

// Kind is KindClaim.
func (Claim) Kind() Kind { return KindClaim }

// Kind is KindSettle.
func (Settle) Kind() Kind { return KindSettle }

// Kind is KindRelease.
func (Release) Kind() Kind { return KindRelease }

// Kind is KindExpire.
func (Expire) Kind() Kind { return KindExpire }

// Kind is KindMergeOverlay.
func (MergeOverlay) Kind() Kind { return KindMergeOverlay }

// Kind is KindPutNode.
func (PutNode) Kind() Kind { return KindPutNode }

// Kind is KindRemoveNode.
func (RemoveNode) Kind() Kind { return KindRemoveNode }

// Kind is KindGC.
func (GC) Kind() Kind { return KindGC }

// Kind is KindSetMinVersion.
func (SetMinVersion) Kind() Kind { return KindSetMinVersion }
