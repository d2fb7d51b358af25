package cluster

import "github.com/hashicorp/raft"

// snapshots is the folder of snapshots. What it creates knows its index, which
// Raft does not tell the state machine.
type snapshots struct{ raft.SnapshotStore }

// Create begins a snapshot, of this node's own state or of a leader's.
func (s *snapshots) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, trans raft.Transport,
) (raft.SnapshotSink, error) {
	sink, err := s.SnapshotStore.Create(version, index, term, configuration, configurationIndex, trans)
	if err != nil {
		return nil, err
	}
	return &indexedSink{SnapshotSink: sink, index: index, term: term}, nil
}

type indexedSink struct {
	raft.SnapshotSink
	index, term uint64
}
