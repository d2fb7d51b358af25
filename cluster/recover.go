package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"tocsin/store"
)

// What to do with a data folder whose Raft log is damaged or missing.
//
// Such a node may have voted, or acknowledged entries, and not know it any more.
// Under its old ID it could vote twice in one term. So it sets the folder aside
// and joins again under a new ID, as a node without a vote. Only a node that was
// alone has nobody to contradict: it goes on from its state, or from its newest
// snapshot.

// errLogDamaged says that the Raft log cannot be read from end to end.
var errLogDamaged = errors.New("the raft log is damaged")

// logState is what a raft folder holds.
type logState struct {
	exists      bool
	first, last uint64
	term        uint64
	// lastTerm is that of the last entry; configuration is the last one in the
	// log, nil if there is none.
	lastTerm      uint64
	configuration *raft.Configuration
	snapshot      *raft.SnapshotMeta // the newest, nil if there is none
}

// snapshotIndex is that of the newest snapshot, 0 if there is none.
func (s logState) snapshotIndex() uint64 {
	if s.snapshot == nil {
		return 0
	}
	return s.snapshot.Index
}

// recoverLog looks at the raft folder before Raft does, which would panic on a
// damaged one. fresh says that the node has just been given its ID.
func (n *Node) recoverLog(fresh bool) error {
	log, err := n.readLog()
	if err != nil && !errors.Is(err, errLogDamaged) {
		return err
	}
	lost := err
	if lost == nil {
		lost = n.missing(log, fresh)
	}
	if lost == nil {
		return nil
	}
	aside, err := store.SetAside(n.raftDir(), n.opts.Now())
	if err != nil {
		return fmt.Errorf("set the raft folder aside: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(n.raftDir(), "snapshots"), 0o700); err != nil {
		return err
	}
	n.log.Error("the raft log of this node is lost and was set aside", "cause", lost, "set_aside", aside)
	if n.wasAlone(log, fresh) {
		return n.goOnAlone(log, aside)
	}
	return n.startOver()
}

// missing says what the folder lacks, nil if it is complete.
func (n *Node) missing(log logState, fresh bool) error {
	applied := n.opts.Machine.View().Index()
	snapshot := log.snapshotIndex()
	switch {
	case !log.exists && (applied > 0 || snapshot > 0 || n.identity.Member):
		return errors.New("the raft log is missing")
	case fresh && (log.last > 0 || snapshot > 0):
		return errors.New("there is a raft log, but the node's identity is missing")
	case max(log.last, snapshot) < applied:
		return fmt.Errorf("the raft log ends at %d, before the state, which has applied %d", max(log.last, snapshot), applied)
	case log.last > 0 && log.first > snapshot+1:
		return fmt.Errorf("the raft log begins at %d, but the newest snapshot ends at %d", log.first, snapshot)
	case log.last == 0 && snapshot == 0 && n.identity.Member:
		return errors.New("the raft log is empty")
	default:
		return nil
	}
}

func (n *Node) readLog() (s logState, err error) {
	files, err := raft.NewFileSnapshotStoreWithLogger(n.raftDir(), snapshotsRetained, n.raftLog)
	if err != nil {
		return s, fmt.Errorf("open the snapshots: %w", err)
	}
	list, err := files.List()
	if err != nil {
		return s, fmt.Errorf("list the snapshots: %w", err)
	}
	if len(list) > 0 {
		s.snapshot = list[0]
	}
	if _, err := os.Stat(n.raftFile()); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return s, err
	}
	s.exists = true
	return s, readEntries(n.raftFile(), &s)
}

// readEntries reads every entry once. A truncated file faults where it is
// mapped into memory, so that counts as an error here, not as a crash.
func readEntries(path string, s *logState) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errLogDamaged, p)
		}
	}()
	if info, err := os.Stat(path); err == nil && info.Size() == 0 {
		return fmt.Errorf("%w: the file is empty", errLogDamaged)
	}
	file, err := raftboltdb.New(raftboltdb.Options{Path: path, MsgpackUseNewTimeFormat: true})
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("open the raft log: %w", err)
		}
		return fmt.Errorf("%w: %w", errLogDamaged, err)
	}
	defer file.Close()
	if s.first, err = file.FirstIndex(); err != nil {
		return fmt.Errorf("%w: %w", errLogDamaged, err)
	}
	if s.last, err = file.LastIndex(); err != nil {
		return fmt.Errorf("%w: %w", errLogDamaged, err)
	}
	s.term, err = file.GetUint64([]byte("CurrentTerm"))
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return fmt.Errorf("%w: %w", errLogDamaged, err)
	}
	for i := s.first; i <= s.last && i > 0; i++ {
		var entry raft.Log
		if err := file.GetLog(i, &entry); err != nil || entry.Index != i {
			return fmt.Errorf("%w: entry %d: %w", errLogDamaged, i, err)
		}
		s.term, s.lastTerm = max(s.term, entry.Term), entry.Term
		if entry.Type == raft.LogConfiguration {
			c, err := decodeConfiguration(entry.Data)
			if err != nil {
				return fmt.Errorf("%w: entry %d: %w", errLogDamaged, i, err)
			}
			s.configuration = &c
		}
	}
	return nil
}

// wasAlone reports whether nobody else can have been a member.
func (n *Node) wasAlone(log logState, fresh bool) bool {
	if n.identity.Others {
		return false
	}
	known := false
	for node := range n.opts.Machine.View().Nodes() {
		if node.ID != n.identity.ID {
			return false
		}
		known = true
	}
	if known {
		return true
	}
	if log.snapshot != nil {
		return len(log.snapshot.Configuration.Servers) == 1
	}
	return !fresh && len(n.opts.Peers) == 0 && n.opts.BootstrapExpect < 2
}

// startOver gives the node a new ID, under which it joins its cluster again.
func (n *Node) startOver() error {
	old := n.identity
	n.identity = identity{ID: newNodeID(), Cluster: old.Cluster, Replaces: old.ID, Others: old.Others}
	if err := n.identity.save(n.opts.DataDir); err != nil {
		return err
	}
	n.log.Warn("this node joins its cluster again under a new ID, because under the old one it might vote twice",
		"old", old.ID, "new", n.identity.ID)
	return nil
}

// goOnAlone rebuilds the log of a cluster of one from the state, or from the
// newest snapshot in aside if the state is lost too.
func (n *Node) goOnAlone(log logState, aside string) error {
	if n.opts.Machine.View().Index() == 0 && log.snapshot != nil {
		if err := n.restoreFrom(aside, log.snapshot.ID); err != nil {
			n.log.Error("the newest snapshot cannot be restored", "err", err)
		}
	}
	index := n.opts.Machine.View().Index()
	if index == 0 {
		n.mu.Lock()
		n.lone, n.founding, n.identity.Member = true, n.identity.Cluster, false
		n.mu.Unlock()
		n.log.Error("nothing of the state is left; this node begins anew. Configuration and silences have to be given again")
		return n.identity.save(n.opts.DataDir)
	}
	n.log.Warn("this node was alone in its cluster and goes on from its state; what it had acknowledged after that, if anything, is lost",
		"index", index)
	return n.rebuild(index, max(log.term, n.opts.Machine.View().Term())+1)
}

func (n *Node) restoreFrom(dir, snapshot string) error {
	files, err := raft.NewFileSnapshotStoreWithLogger(dir, snapshotsRetained, n.raftLog)
	if err != nil {
		return err
	}
	_, r, err := files.Open(snapshot)
	if err != nil {
		return err
	}
	return errors.Join(n.opts.Machine.Restore(r), r.Close())
}

// rebuild writes a raft folder that begins with a snapshot of the present state.
func (n *Node) rebuild(index, term uint64) error {
	files, err := raft.NewFileSnapshotStoreWithLogger(n.raftDir(), snapshotsRetained, n.raftLog)
	if err != nil {
		return fmt.Errorf("open the snapshots: %w", err)
	}
	voters := raft.Configuration{Servers: []raft.Server{{
		Suffrage: raft.Voter, ID: raft.ServerID(n.identity.ID), Address: recoveredAddress,
	}}}
	_, codec := raft.NewInmemTransport(recoveredAddress)
	sink, err := files.Create(1, index, term, voters, index, codec)
	if err != nil {
		return fmt.Errorf("begin a snapshot: %w", err)
	}
	held, err := n.opts.Machine.Snapshot()
	if err != nil {
		return errors.Join(err, sink.Cancel())
	}
	defer held.Release()
	if _, err := held.WriteTo(sink); err != nil {
		return errors.Join(fmt.Errorf("write a snapshot: %w", err), sink.Cancel())
	}
	if err := sink.Close(); err != nil {
		return fmt.Errorf("complete a snapshot: %w", err)
	}
	file, err := raftboltdb.New(raftboltdb.Options{Path: n.raftFile(), MsgpackUseNewTimeFormat: true})
	if err != nil {
		return fmt.Errorf("make a new raft log: %w", err)
	}
	return errors.Join(file.SetUint64([]byte("CurrentTerm"), term), file.Close())
}

// recoveredAddress stands in the rebuilt configuration until the node has
// corrected it; a lone voter dials nobody.
const recoveredAddress = "recovered:0"

func (n *Node) raftDir() string { return filepath.Join(n.opts.DataDir, "raft") }

func (n *Node) raftFile() string { return filepath.Join(n.raftDir(), "raft.db") }

// decodeConfiguration reads a configuration of the log; the library panics on one
// that it cannot read.
func decodeConfiguration(b []byte) (c raft.Configuration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return raft.DecodeConfiguration(b), nil
}
