package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/fsm/restore"
	"tocsin/store"
)

// Folder is the data folder of a node that does not run. Its methods are for one
// goroutine, and refuse a folder that is in use.
type Folder struct {
	Dir    string
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: nothing is logged
	// Permit is asked by Found, before it keeps anything, with the cluster of the
	// backup and its nodes: an error is the end of it. Nil permits.
	Permit func(model.ClusterID, []Member) error
}

// The files of a data folder that make it one of a node.
const stateFile = "state.db"

var nodeFiles = []string{identityFile, stateFile, "local.db", "raft"}

// Errors of folders.
var (
	// ErrFolderUsed says that a folder belongs to a node already.
	ErrFolderUsed = errors.New("the folder holds a node's data already")
	// ErrNoNode says that a folder holds no data of a node.
	ErrNoNode = errors.New("the folder holds no data of a node")
)

// Founded is a cluster that was founded anew from a backup.
type Founded struct {
	Cluster model.ClusterID
	// Node is the ID of its first node.
	Node model.NodeID
	// Index and StateHash are those of the backup, as the state had them before
	// the first command of the new line.
	Index, StateHash uint64
	// Doubted is how many entries of the ledger are in doubt, Nodes how many
	// nodes of the old cluster are forgotten.
	Doubted, Nodes int
}

// Found makes an empty folder that of the first node of a cluster which goes on
// where a backup ends, under the same cluster ID. Its node is new and alone, the
// others join it empty. On an error the folder is as it was.
//
// Errors: ErrFolderUsed, those of store.State.Restore and of the disk.
func (f Folder) Found(state io.Reader) (Founded, error) {
	out, err := f.found(state)
	if err != nil {
		return Founded{}, fmt.Errorf("found a cluster in %s: %w", f.Dir, err)
	}
	return out, nil
}

func (f Folder) found(state io.Reader) (out Founded, err error) {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return out, err
	}
	for _, name := range nodeFiles {
		if _, err := os.Lstat(filepath.Join(f.Dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return out, errors.Join(fmt.Errorf("%w: there is %s", ErrFolderUsed, name), err)
		}
	}
	work := filepath.Join(f.Dir, ".founding")
	if err := os.RemoveAll(work); err != nil {
		return out, err
	}
	defer os.RemoveAll(work)
	if out, err = f.foundIn(work, state); err != nil {
		return out, err
	}
	// The identity comes last: without it the folder is nobody's.
	for _, name := range []string{"raft", stateFile, identityFile} {
		if err := os.Rename(filepath.Join(work, name), filepath.Join(f.Dir, name)); err != nil {
			return out, err
		}
	}
	return out, errors.Join(f.own(), syncDir(f.Dir))
}

// foundIn makes the files of the first node in a folder of their own.
func (f Folder) foundIn(dir string, state io.Reader) (out Founded, err error) {
	if err := os.MkdirAll(filepath.Join(dir, "raft", "snapshots"), 0o700); err != nil {
		return out, err
	}
	n, closeState, err := f.openNode(dir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, closeState()) }()
	m := n.opts.Machine
	if err := m.Restore(state); err != nil {
		return out, err
	}
	v := m.View()
	if v.Cluster() == "" {
		return out, errors.New("the backup is of no cluster: it was made before there was one")
	}
	out = Founded{Cluster: v.Cluster(), Index: v.Index(), StateHash: v.StateHash()}
	var members []Member
	for old := range v.Nodes() {
		members = append(members, Member{ID: old.ID, Name: old.Name, Raft: old.Raft, API: old.API})
	}
	out.Nodes = len(members)
	if f.Permit != nil {
		if err := f.Permit(out.Cluster, members); err != nil {
			return Founded{}, err
		}
	}
	cmds, doubted := restore.Found(v)
	if err := f.apply(m, cmds); err != nil {
		return out, err
	}
	out.Doubted = doubted
	n.identity = identity{ID: newNodeID(), Cluster: out.Cluster, Member: true}
	out.Node = n.identity.ID
	if err := n.rebuild(m.View().Index(), m.View().Term()+1); err != nil {
		return out, err
	}
	return out, n.identity.save(dir)
}

// openNode opens the state in a folder, for a node that takes part in nothing.
func (f Folder) openNode(dir string) (*Node, func() error, error) {
	log := f.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	state, err := store.OpenState(filepath.Join(dir, stateFile), store.Options{Now: f.Now})
	if err != nil {
		return nil, nil, err
	}
	m, err := fsm.Open(fsm.Options{State: state, Logger: f.Logger})
	if err != nil {
		return nil, nil, errors.Join(err, state.Close())
	}
	n := &Node{opts: Options{DataDir: dir, Machine: m, Logger: log, Now: f.now}, log: log, raftLog: raftLogger(log, false), membership: newTurn()}
	return n, func() error { return errors.Join(m.Close(), state.Close()) }, nil
}

func (f Folder) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

// apply applies commands as the log entries that follow the state.
func (f Folder) apply(m *fsm.Machine, cmds []command.Command) error {
	for _, batch := range restore.Batches(cmds) {
		b, err := encodeForLog(model.Millis(f.now().UnixMilli()), "", batch)
		if err != nil {
			return err
		}
		v := m.View()
		entry := fsm.LogEntry{Index: v.Index() + 1, Term: v.Term(), Data: b}
		if _, err := m.ApplyBatch([]fsm.LogEntry{entry}); err != nil {
			return err
		}
	}
	return nil
}

// own gives the files to who owns the folder, where root made them for the
// service's user.
func (f Folder) own() error {
	info, err := os.Stat(f.Dir)
	if err != nil {
		return err
	}
	uid, gid, ok := ownerOf(info)
	if !ok || os.Geteuid() != 0 || uid == 0 {
		return nil
	}
	return filepath.WalkDir(f.Dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, uid, gid))
	})
}

// configurationIn is the Raft configuration that a folder's log ends with.
func configurationIn(s logState) raft.Configuration {
	if s.configuration != nil {
		return *s.configuration
	}
	if s.snapshot != nil {
		return s.snapshot.Configuration
	}
	return raft.Configuration{}
}
