package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"tocsin/fsm"
	"tocsin/fsm/model"
	"tocsin/fsm/restore"
)

// What to do when most voters are gone for good. One survivor, the one with the
// newest log, goes on alone under the same cluster ID; the others join it anew.
// What only the lost ones had is lost, and as some of it may be word of messages
// that were sent, nothing in the ledger stays certain.

// Survivor is what a stopped node has.
type Survivor struct {
	Cluster model.ClusterID `json:"cluster_id"`
	Node    model.NodeID    `json:"node_id"`
	Name    string          `json:"name,omitempty"`
	// LastTerm and LastIndex are those of the newest entry of its log or of its
	// snapshot: of several survivors, the one with the highest pair has the most.
	LastTerm  uint64 `json:"last_term"`
	LastIndex uint64 `json:"last_index"`
	// Applied and StateHash are those of its state, which the log may be ahead of.
	Applied   uint64 `json:"applied_index"`
	StateHash uint64 `json:"state_hash,string"`
	ConfigRev uint64 `json:"config_version"`
	Silences  int    `json:"silences"`
	Entries   int    `json:"entries"`
	// Members are the nodes of the Raft configuration that its log ends with.
	Members []Member `json:"members"`
	// Alone: it is the only voter, so it has a quorum by itself.
	Alone bool `json:"alone"`
	// LogMissing: there is no Raft log beside the state.
	LogMissing bool `json:"log_missing,omitempty"`
}

// Member is a node of a Raft configuration, with what the state knows of it.
type Member struct {
	ID    model.NodeID `json:"id"`
	Name  string       `json:"name,omitempty"`
	Raft  string       `json:"raft_address"`
	API   string       `json:"api_address,omitempty"`
	Voter bool         `json:"voter"`
}

// Survey looks at a stopped node and changes nothing.
//
// Errors: ErrNoNode, store.ErrLocked (it runs), and those of
// the files.
func (f Folder) Survey() (Survivor, error) {
	_, s, _, done, err := f.openSurvivor()
	if err != nil {
		return Survivor{}, fmt.Errorf("look at %s: %w", f.Dir, err)
	}
	return s, done()
}

func (f Folder) openSurvivor() (n *Node, s Survivor, log logState, done func() error, err error) {
	for _, name := range []string{identityFile, stateFile} {
		if _, err := os.Stat(filepath.Join(f.Dir, name)); errors.Is(err, fs.ErrNotExist) {
			return nil, s, log, nil, fmt.Errorf("%w: there is no %s", ErrNoNode, name)
		} else if err != nil {
			return nil, s, log, nil, err
		}
	}
	if n, done, err = f.openNode(f.Dir); err != nil {
		return nil, s, log, nil, err
	}
	if n.identity, _, err = loadIdentity(f.Dir); err == nil {
		log, err = n.readLog()
	}
	if err != nil {
		return nil, s, log, nil, errors.Join(err, done())
	}
	return n, survey(n, log), log, done, nil
}

func survey(n *Node, log logState) Survivor {
	v := n.opts.Machine.View()
	s := Survivor{
		Cluster: n.identity.Cluster, Node: n.identity.ID,
		LastTerm: v.Term(), LastIndex: v.Index(), Applied: v.Index(), StateHash: v.StateHash(),
		Silences: v.SilenceCount(), Entries: v.EntryCount(), LogMissing: !log.exists,
	}
	if c := v.Config(); c != nil {
		s.ConfigRev = c.Rev
	}
	if log.snapshot != nil && log.snapshot.Index > s.LastIndex {
		s.LastTerm, s.LastIndex = log.snapshot.Term, log.snapshot.Index
	}
	if log.last > 0 && log.last >= s.LastIndex {
		s.LastTerm, s.LastIndex = log.lastTerm, log.last
	}
	voters := 0
	for _, m := range configurationIn(log).Servers {
		r, _ := v.Node(model.NodeID(m.ID))
		s.Members = append(s.Members, Member{
			ID: model.NodeID(m.ID), Name: r.Name, Raft: string(m.Address), API: r.API, Voter: m.Suffrage == raft.Voter,
		})
		if m.Suffrage == raft.Voter {
			voters++
		}
		if model.NodeID(m.ID) == s.Node {
			s.Name = r.Name
		}
	}
	s.Alone = voters == 1 && slices.ContainsFunc(s.Members, func(m Member) bool { return m.ID == s.Node && m.Voter })
	return s
}

// Salvaged is what a recovery did.
type Salvaged struct {
	Survivor
	// Nothing: it was done before.
	Nothing bool `json:"nothing_to_do,omitempty"`
	// Backup is the folder that what was there is kept in.
	Backup string `json:"kept_in,omitempty"`
	// Replayed are the log entries that the state did not have yet; some of them
	// may never have been acknowledged. Doubted entries of the ledger are in doubt.
	Replayed int `json:"replayed"`
	Doubted  int `json:"doubted"`
	// NewID is the ID that a node has now that is to join anew.
	NewID model.NodeID `json:"new_node_id,omitempty"`
}

// Lead makes the node the only voter of its cluster, with all that its log has.
// It may be done again after it was interrupted, and does nothing where the node
// is the only voter already.
func (f Folder) Lead() (Salvaged, error) {
	out, err := f.lead()
	if err != nil {
		return out, fmt.Errorf("recover %s: %w", f.Dir, err)
	}
	return out, nil
}

func (f Folder) lead() (out Salvaged, err error) {
	n, s, log, done, err := f.openSurvivor()
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, done()) }()
	out.Survivor = s
	if s.Alone && !s.LogMissing {
		out.Nothing = true
		return out, nil
	}
	if s.Cluster == "" || s.LastIndex == 0 {
		return out, fmt.Errorf("%w: this node was never a member of a cluster", ErrNoNode)
	}
	if out.Backup, err = f.keep(identityFile, stateFile, "raft"); err != nil {
		return out, err
	}
	if out.Replayed, err = n.replay(log); err != nil {
		return out, err
	}
	cmds, doubted := restore.Found(n.opts.Machine.View())
	if err := f.apply(n.opts.Machine, cmds); err != nil {
		return out, err
	}
	out.Doubted = doubted
	if err := os.RemoveAll(n.raftDir()); err != nil {
		return out, err
	}
	if err := os.MkdirAll(filepath.Join(n.raftDir(), "snapshots"), 0o700); err != nil {
		return out, err
	}
	v := n.opts.Machine.View()
	if err := n.rebuild(v.Index(), max(v.Term(), log.term)+1); err != nil {
		return out, err
	}
	n.identity.Member, n.identity.Others, n.identity.Replaces = true, false, ""
	return out, errors.Join(n.identity.save(f.Dir), f.own())
}

// Rejoin makes the node forget its part in the cluster, so that it joins the
// recovered one as a new node. What it had is kept in a folder; what it sent
// without a quorum stays and is merged.
func (f Folder) Rejoin() (Salvaged, error) {
	out, err := f.rejoin()
	if err != nil {
		return out, fmt.Errorf("recover %s: %w", f.Dir, err)
	}
	return out, nil
}

func (f Folder) rejoin() (out Salvaged, err error) {
	id, err := f.identity()
	if err != nil {
		return out, err
	}
	if id.Replaces != "" && !f.has(stateFile) && !f.has("raft") {
		out.Nothing, out.NewID = true, id.ID
		return out, nil
	}
	_, s, _, done, err := f.openSurvivor()
	if err != nil {
		return out, err
	}
	if err := done(); err != nil {
		return out, err
	}
	out.Survivor = s
	if out.Backup, err = f.keep(identityFile, stateFile, "raft"); err != nil {
		return out, err
	}
	next := identity{ID: newNodeID(), Cluster: id.Cluster, Replaces: id.ID, Others: true}
	out.NewID = next.ID
	if err := next.save(f.Dir); err != nil {
		return out, err
	}
	return out, errors.Join(os.RemoveAll(filepath.Join(f.Dir, "raft")), os.Remove(filepath.Join(f.Dir, stateFile)), syncDir(f.Dir), f.own())
}

// identity reads the node's identity and makes none.
func (f Folder) identity() (identity, error) {
	if !f.has(identityFile) {
		return identity{}, fmt.Errorf("%w: there is no %s", ErrNoNode, identityFile)
	}
	id, _, err := loadIdentity(f.Dir)
	return id, err
}

func (f Folder) has(name string) bool {
	_, err := os.Lstat(filepath.Join(f.Dir, name))
	return err == nil
}

// keep copies files of the folder into one beside them, which it names.
func (f Folder) keep(names ...string) (string, error) {
	dir := filepath.Join(f.Dir, "before-recovery-"+f.now().UTC().Format("20060102T150405.000Z"))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for _, name := range names {
		err := copyTree(filepath.Join(dir, name), filepath.Join(f.Dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("keep %s: %w", name, err)
		}
	}
	return dir, errors.Join(syncDir(dir), syncDir(f.Dir))
}

// copyTree copies a file or a folder, synced.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch dst := filepath.Join(to, rel); {
		case d.IsDir():
			return os.MkdirAll(dst, 0o700)
		case d.Type().IsRegular():
			return copyFile(dst, path)
		default:
			return nil
		}
	})
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// replay brings the state to the end of the log, whether or not the entries there
// were acknowledged: nobody is left who could say.
func (n *Node) replay(log logState) (replayed int, err error) {
	m := n.opts.Machine
	if log.snapshotIndex() > m.View().Index() && m.View().Index() < log.first {
		if err := n.restoreFrom(n.raftDir(), log.snapshot.ID); err != nil {
			return 0, fmt.Errorf("restore the newest snapshot: %w", err)
		}
	}
	if log.last <= m.View().Index() {
		return 0, nil
	}
	file, err := raftboltdb.New(raftboltdb.Options{
		Path: n.raftFile(), MsgpackUseNewTimeFormat: true, NoSync: true,
	})
	if err != nil {
		return 0, fmt.Errorf("open the raft log: %w", err)
	}
	defer file.Close()
	for i := max(log.first, m.View().Index()+1); i <= log.last; i++ {
		var entry raft.Log
		if err := file.GetLog(i, &entry); err != nil {
			return replayed, fmt.Errorf("read log entry %d: %w", i, err)
		}
		e := fsm.LogEntry{Index: entry.Index, Term: entry.Term}
		if entry.Type == raft.LogCommand {
			e.Data = entry.Data
			replayed++
		}
		if _, err := m.ApplyBatch([]fsm.LogEntry{e}); err != nil {
			return replayed, err
		}
	}
	return replayed, nil
}

// Older reports whether s has less than o: its log ends earlier.
func (s Survivor) Older(o Survivor) bool {
	return s.LastTerm < o.LastTerm || s.LastTerm == o.LastTerm && s.LastIndex < o.LastIndex
}
