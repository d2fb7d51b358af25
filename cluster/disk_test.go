package cluster_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"tocsin/cluster"
)

// disk is a disk that can be full or hang.
type disk struct {
	mu         sync.Mutex
	log, apply error
	hang       chan struct{}
	hangApply  chan struct{}
}

var _ cluster.DiskFaults = (*disk)(nil)

func (d *disk) BeforeLogWrite() error { return d.wait(&d.hang, &d.log) }

func (d *disk) BeforeApply() error { return d.wait(&d.hangApply, &d.apply) }

func (d *disk) wait(on *chan struct{}, err *error) error {
	d.mu.Lock()
	hang := *on
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return *err
}

func (d *disk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

var errFull = errors.New("no space left on device")

// disked is a trio whose disks can be broken.
func (r *rig) disked() ([]*node, map[*node]*disk) {
	r.Helper()
	disks := make(map[*node]*disk)
	var nodes []*node
	for i := 1; i <= 3; i++ {
		d := &disk{}
		n := r.start(i, peers(1, 2, 3), expect(3), func(o *cluster.Options) { o.Disk = d })
		disks[n] = d
		nodes = append(nodes, n)
	}
	r.until(10*time.Second, "three nodes ready", func() bool {
		return nodes[0].isReady() && nodes[1].isReady() && nodes[2].isReady()
	})
	return nodes, disks
}

func TestHangingLogOfTheLeaderCostsItItsPlace(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes, disks := r.disked()
		leader := leaderOf(nodes...)
		rest := others(nodes, leader)
		hang := make(chan struct{})
		disks[leader].set(func() { disks[leader].hang = hang })
		begin := time.Now()
		go func() { _, _ = leader.Propose(r.Context(), silence("stuck")) }()
		r.until(15*time.Second, "another leader (I15)", func() bool { return leaderOf(rest...) != nil })
		r.Logf("another node leads %v after the disk hung", time.Since(begin))
		rest[0].put("meanwhile")
		if s := leader.Status(); s.State != cluster.StateStorage || !errors.Is(s.Storage, cluster.ErrStorage) || s.Quorum.Held {
			r.Errorf("the node with the hanging disk says %s, %v, quorum %v", s.State, s.Storage, s.Quorum.Held)
		}
		for _, p := range rest[0].ListPeers() {
			if p.ID == leader.ID() && !p.StorageFailed {
				r.Error("the others are not told of the failed disk")
			}
		}
		time.Sleep(time.Minute)
		disks[leader].set(func() { disks[leader].hang = nil })
		close(hang)
		r.until(20*time.Second, "it comes back by itself", func() bool {
			return leader.has("meanwhile") && leader.Status().Storage == nil && leader.Quorum().Held
		})
		leader.put("again")
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestHangingStateFileOfTheLeaderCostsItItsPlace(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes, disks := r.disked()
		leader := leaderOf(nodes...)
		rest := others(nodes, leader)
		hang := make(chan struct{})
		d := disks[leader]
		d.set(func() { d.hangApply = hang })
		go func() { _, _ = leader.Propose(r.Context(), silence("stuck")) }()
		r.until(15*time.Second, "another leader (I15)", func() bool { return leaderOf(rest...) != nil })
		rest[1].put("meanwhile")
		r.until(5*time.Second, "it says so itself", func() bool {
			s := leader.Status()
			return s.State == cluster.StateStorage && errors.Is(s.Storage, cluster.ErrStorage) && !s.Quorum.Held
		})
		if s := leader.Status(); s.State != cluster.StateStorage || s.Quorum.Held {
			r.Errorf("the node whose state file hangs says %s, quorum %v", s.State, s.Quorum.Held)
		}
		d.set(func() { d.hangApply = nil })
		close(hang)
		r.until(20*time.Second, "it comes back by itself", func() bool { return leader.has("meanwhile") && leader.Quorum().Held })
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestFullDiskOfTheLogHeals(t *testing.T) { fullDisk(t, func(d *disk, err error) { d.log = err }) }

func TestFullDiskOfTheStateHeals(t *testing.T) {
	fullDisk(t, func(d *disk, err error) { d.apply = err })
}

// fullDisk fills the disk of every node in turn, the leader's first.
func fullDisk(t *testing.T, fill func(*disk, error)) {
	bubble(t, func(r *rig) {
		nodes, disks := r.disked()
		first := leaderOf(nodes...)
		for i, n := range append([]*node{first}, others(nodes, first)...) {
			d := disks[n]
			rest := others(nodes, n)
			d.set(func() { fill(d, errFull) })
			rest[0].put("during" + string(rune('a'+i)))
			r.until(10*time.Second, "the node leaves Raft (I15)", func() bool { return n.Status().Storage != nil })
			if n.Quorum().Held {
				r.Errorf("node %d has a full disk and says that it has a quorum", n.i)
			}
			time.Sleep(30 * time.Second)
			rest[1].put("still" + string(rune('a'+i)))
			d.set(func() { fill(d, nil) })
			r.until(15*time.Second, "it is back without a restart", func() bool {
				return n.Status().Storage == nil && n.has("still"+string(rune('a'+i))) && n.Quorum().Held
			})
			n.put("after" + string(rune('a'+i)))
		}
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}

func TestLoneNodeWithAFullDiskHeals(t *testing.T) {
	bubble(t, func(r *rig) {
		d := &disk{}
		n := r.start(1, func(o *cluster.Options) { o.Disk = d })
		<-n.Ready()
		n.put("before")
		d.set(func() { d.log = errFull })
		if _, err := n.Propose(r.Context(), silence("full")); err == nil {
			r.Error("a write to a full disk was acknowledged")
		}
		if q := n.Quorum(); q.Held {
			r.Error("a node with a full disk says that it has a quorum")
		}
		d.set(func() { d.log = nil })
		r.until(10*time.Second, "healed", func() bool { return n.Quorum().Held })
		n.put("after")
		n.stop()
	})
}
