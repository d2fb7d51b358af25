package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/model"
	"tocsin/store"
)

func (r *rig) folder(i int) cluster.Folder { return cluster.Folder{Dir: r.dir(i)} }

func (n *node) snapshot() []byte {
	n.rig.Helper()
	s, err := n.machine.Snapshot()
	if err != nil {
		n.rig.Fatal(err)
	}
	defer s.Release()
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		n.rig.Fatal(err)
	}
	return b.Bytes()
}

// settled has the group of a key told that 1 and 2 fire.
func (n *node) settled(k model.DeliveryKey, t model.Token) {
	n.rig.Helper()
	if g, err := n.claim(k, t); err != nil || g.Denied != model.DeniedNot {
		n.rig.Fatal(g, err)
	}
	err := n.Settle(context.Background(), model.Settlement{
		Key: k, Token: t, Node: n.ID(), Firing: model.NewAlertSet(1, 2), Delivery: model.Delivery{ID: "d", Outcome: model.OutcomeSent},
	})
	if err != nil {
		n.rig.Fatal(err)
	}
}

// TestAClusterIsFoundedFromABackup: three empty machines go on where the backup
// ends, under the same cluster ID, and what was told is in doubt.
func TestAClusterIsFoundedFromABackup(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		nodes[0].put("kept")
		nodes[0].settled(key("told"), token(1))
		if _, err := nodes[1].claim(key("claimed"), token(2)); err != nil {
			r.Fatal(err)
		}
		r.sameState(nodes...)
		id, backup, view := nodes[0].Status().ClusterID, nodes[0].snapshot(), nodes[0].machine.View()
		nodes[0].put("after the backup")
		stopAll(nodes...)

		if _, err := r.folder(1).Found(bytes.NewReader(backup)); !errors.Is(err, cluster.ErrFolderUsed) {
			r.Errorf("into a used folder: %v", err)
		}
		for _, bad := range [][]byte{backup[:len(backup)/2], append(bytes.Clone(backup[:len(backup)-1]), 'x'), nil} {
			if _, err := r.folder(4).Found(bytes.NewReader(bad)); err == nil {
				r.Error("a damaged state is taken")
			}
			if left, _ := os.ReadDir(r.dir(4)); len(left) > 0 {
				r.Errorf("left behind: %v", left)
			}
		}
		f, err := r.folder(4).Found(bytes.NewReader(backup))
		if err != nil {
			r.Fatal(err)
		}
		if f.Cluster != id || f.Index != view.Index() || f.StateHash != view.StateHash() || f.Doubted != 2 || f.Nodes != 3 {
			r.Errorf("founded %+v", f)
		}
		a := r.start(4)
		<-a.Ready()
		b, c := r.start(5, peers(4)), r.start(6, peers(4))
		<-b.Ready()
		<-c.Ready()
		r.until(20*time.Second, "three voters", func() bool { return a.Quorum().Voters == 3 })
		c.put("new")
		r.sameState(a, b, c)
		for _, n := range []*node{a, b, c} {
			if n.Status().ClusterID != id || !n.has("kept") || n.has("after the backup") || !n.has("new") {
				r.Errorf("node %d is of %s and misses something", n.i, n.Status().ClusterID)
			}
			for _, name := range []string{"told", "claimed"} {
				e, ok := n.Entry(key(name))
				if !ok || e.Claim != nil || len(e.Must) > 0 || len(e.Maybe) != 2 {
					r.Errorf("node %d: the entry %s is %+v", n.i, name, e)
				}
			}
		}
		r.until(10*time.Second, "the old nodes are gone", func() bool {
			count := 0
			for range a.machine.View().Nodes() {
				count++
			}
			return count == 3
		})
		stopAll(a, b, c)
	})
}

// TestRecoverFromALostQuorum: two of three machines burn down. The one that is
// left goes on alone under the same cluster ID with all that it has; it may be
// told to twice; and one that comes back after all joins anew.
func TestRecoverFromALostQuorum(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		nodes[0].put("kept")
		nodes[0].settled(key("told"), token(1))
		r.sameState(nodes...)
		if _, err := r.folder(1).Survey(); !errors.Is(err, store.ErrLocked) {
			r.Errorf("a node that runs: %v", err)
		}
		id, self := nodes[0].Status().ClusterID, nodes[0].ID()
		nodes[2].stop()
		nodes[1].put("while one is away")
		r.sameState(nodes[0], nodes[1])
		for _, n := range nodes[:2] {
			n.kill()
		}
		older, err := r.folder(3).Survey()
		if err != nil {
			r.Fatal(err)
		}
		s, err := r.folder(1).Survey()
		if err != nil || s.Cluster != id || s.Node != self || len(s.Members) != 3 || s.Alone || s.Silences != 2 || !older.Older(s) || s.Older(older) {
			r.Errorf("surveyed %+v, %v; older %+v", s, err, older)
		}
		again, err := r.folder(1).Survey()
		if err != nil || again.StateHash != s.StateHash || again.LastIndex != s.LastIndex {
			r.Errorf("looking has changed something: %+v %v", again, err)
		}
		did, err := r.folder(1).Lead()
		if err != nil || did.Nothing || did.Doubted != 1 {
			r.Fatalf("recovered %+v, %v", did, err)
		}
		if _, err := os.Stat(filepath.Join(did.Backup, "raft", "raft.db")); err != nil {
			r.Errorf("the log is not kept: %v", err)
		}
		if twice, err := r.folder(1).Lead(); err != nil || !twice.Nothing {
			r.Errorf("the second time: %+v, %v", twice, err)
		}
		r.net.Heal()
		a := r.start(1)
		<-a.Ready()
		if a.ID() != self || a.Status().ClusterID != id || !a.has("kept") || !a.has("while one is away") {
			r.Errorf("it came back as %s of %s", a.ID(), a.Status().ClusterID)
		}
		if e, ok := a.Entry(key("told")); !ok || len(e.Must) > 0 || len(e.Maybe) != 2 {
			r.Errorf("what was told is %+v", e)
		}
		a.put("alone")

		was, err := r.folder(3).Rejoin()
		if err != nil || was.Nothing || was.NewID == was.Node {
			r.Fatalf("to rejoin: %+v, %v", was, err)
		}
		if twice, err := r.folder(3).Rejoin(); err != nil || !twice.Nothing || twice.NewID != was.NewID {
			r.Errorf("the second time: %+v, %v", twice, err)
		}
		c := r.start(3, peers(1))
		<-c.Ready()
		r.until(20*time.Second, "two voters", func() bool { return a.Quorum().Voters == 2 })
		if c.ID() != was.NewID || !c.has("alone") {
			r.Errorf("it is %s", c.ID())
		}
		r.sameState(a, c)
		stopAll(c, a)
	})
}

// TestRecoverWhatIsNoNode: a folder without a node is refused, and stays empty.
func TestRecoverWhatIsNoNode(t *testing.T) {
	dir := t.TempDir()
	f := cluster.Folder{Dir: dir}
	for _, do := range []func() error{
		func() error { _, err := f.Survey(); return err },
		func() error { _, err := f.Lead(); return err },
		func() error { _, err := f.Rejoin(); return err },
	} {
		if err := do(); !errors.Is(err, cluster.ErrNoNode) || !strings.Contains(err.Error(), "node.json") {
			t.Errorf("got %v", err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("made %v", left)
	}
}
