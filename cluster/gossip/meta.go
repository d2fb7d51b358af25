package gossip

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/hashicorp/memberlist"
	"google.golang.org/protobuf/encoding/protowire"

	"tocsin/fsm/model"
)

// Flags are what a node says of its state.
type Flags uint32

// The flags. Their numbers are part of the wire format.
const (
	// FlagVoter: it wants to vote.
	FlagVoter Flags = 1 << iota
	// FlagDegraded: it sees no quorum.
	FlagDegraded
	// FlagDraining: it is stopping; nothing new should be its turn.
	FlagDraining
	// FlagStorageFailed: its disk is out of use.
	FlagStorageFailed
	// FlagEmpty: it has no Raft state, so it may be part of a new cluster.
	FlagEmpty
	// FlagSilent: it takes no turns yet, because it may not know all alerts.
	FlagSilent
	// FlagQuorum: it is a member and sees a quorum. Nodes of older versions
	// never say so.
	FlagQuorum
)

// Meta is what a node tells of itself with every sign of life.
type Meta struct {
	ID      model.NodeID
	Cluster model.ClusterID // "" while not known
	Name    string
	Version string
	// Raft is host:port of the port between nodes, API the HTTP address.
	Raft, API string
	// ConfigRev is the config version that the node runs.
	ConfigRev uint64
	// Commands is the newest command version that it understands.
	Commands uint32
	// Expect is its --raft.bootstrap-expect.
	Expect uint32
	Flags  Flags
}

// Is reports whether all the given flags are set.
func (m Meta) Is(f Flags) bool { return m.Flags&f == f }

// label is the node in metrics: its name, or its ID if it has none.
func (m Meta) label() string { return cmp.Or(m.Name, string(m.ID)) }

// ErrMetaTooLarge says that a Meta does not fit memberlist's 512 bytes.
var ErrMetaTooLarge = errors.New("node facts do not fit 512 bytes; use shorter names or addresses")

// ErrBadMeta says that bytes are not a Meta.
var ErrBadMeta = errors.New("malformed node facts")

// The field numbers, part of the wire format. Unknown ones are skipped, so that
// newer nodes can say more.
const (
	fieldID protowire.Number = iota + 1
	fieldCluster
	fieldName
	fieldVersion
	fieldRaft
	fieldAPI
	fieldConfigRev
	fieldCommands
	fieldExpect
	fieldFlags
)

// Encode is the wire form, at most memberlist.MetaMaxSize bytes.
func (m Meta) Encode() ([]byte, error) {
	var b []byte
	for _, f := range []struct {
		n protowire.Number
		s string
	}{
		{fieldID, string(m.ID)},
		{fieldCluster, string(m.Cluster)},
		{fieldName, m.Name},
		{fieldVersion, m.Version},
		{fieldRaft, m.Raft},
		{fieldAPI, m.API},
	} {
		if f.s != "" {
			b = protowire.AppendTag(b, f.n, protowire.BytesType)
			b = protowire.AppendString(b, f.s)
		}
	}
	for _, f := range []struct {
		n protowire.Number
		v uint64
	}{
		{fieldConfigRev, m.ConfigRev},
		{fieldCommands, uint64(m.Commands)},
		{fieldExpect, uint64(m.Expect)},
		{fieldFlags, uint64(m.Flags)},
	} {
		if f.v != 0 {
			b = protowire.AppendTag(b, f.n, protowire.VarintType)
			b = protowire.AppendVarint(b, f.v)
		}
	}
	if len(b) > memberlist.MetaMaxSize {
		return nil, fmt.Errorf("encode facts of node %s, %d bytes: %w", m.ID, len(b), ErrMetaTooLarge)
	}
	return b, nil
}

// DecodeMeta reads what Encode wrote, perhaps on a newer node.
func DecodeMeta(b []byte) (Meta, error) {
	var m Meta
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return Meta{}, ErrBadMeta
		}
		b = b[n:]
		used, err := m.decodeField(num, typ, b)
		if err != nil {
			return Meta{}, err
		}
		b = b[used:]
	}
	if m.ID == "" {
		return Meta{}, ErrBadMeta
	}
	return m, nil
}

func (m *Meta) decodeField(num protowire.Number, typ protowire.Type, b []byte) (int, error) {
	switch typ {
	case protowire.BytesType:
		s, n := protowire.ConsumeString(b)
		if n < 0 {
			return 0, ErrBadMeta
		}
		m.setString(num, s)
		return n, nil
	case protowire.VarintType:
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return 0, ErrBadMeta
		}
		m.setNumber(num, v)
		return n, nil
	default:
		n := protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			return 0, ErrBadMeta
		}
		return n, nil
	}
}

func (m *Meta) setString(num protowire.Number, s string) {
	switch num {
	case fieldID:
		m.ID = model.NodeID(s)
	case fieldCluster:
		m.Cluster = model.ClusterID(s)
	case fieldName:
		m.Name = s
	case fieldVersion:
		m.Version = s
	case fieldRaft:
		m.Raft = s
	case fieldAPI:
		m.API = s
	}
}

func (m *Meta) setNumber(num protowire.Number, v uint64) {
	switch num {
	case fieldConfigRev:
		m.ConfigRev = v
	case fieldCommands:
		m.Commands = uint32(v)
	case fieldExpect:
		m.Expect = uint32(v)
	case fieldFlags:
		m.Flags = Flags(v)
	}
}

func hostPort(n *memberlist.Node) string {
	return net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port)))
}
