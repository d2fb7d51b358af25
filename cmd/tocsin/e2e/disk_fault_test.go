package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos/fault"
)

// diskFault is a fault of one node's disk.
type diskFault struct {
	name string
	// disks: every node has a disk of its own.
	disks bool
	// leader: whose disk it is, one after the other.
	leader []bool
	begin  func(t *testing.T, n *rig.Node, d *fault.Disk) (end func())
}

func diskFaults() []diskFault {
	return []diskFault{
		{"full", true, []bool{true, false}, func(t *testing.T, _ *rig.Node, d *fault.Disk) func() {
			possible(t, d.Fill())
			return func() { noError(t, d.Free()) }
		}},
		{"hung", true, []bool{true}, func(t *testing.T, _ *rig.Node, d *fault.Disk) func() {
			possible(t, d.Freeze())
			t.Cleanup(func() { noError(t, d.Thaw()) }) // or nothing could end the process
			return func() { noError(t, d.Thaw()) }
		}},
		{"failing sync", false, []bool{true, false}, func(t *testing.T, n *rig.Node, _ *fault.Disk) func() {
			f, err := fault.FailSync(n.PID(), fault.Sync{Errno: syscall.EIO})
			possible(t, err)
			t.Cleanup(func() { noError(t, f.Stop()) })
			return func() { noError(t, f.Stop()) }
		}},
	}
}

// TestDiskFaults breaks the disk of one node of three, of the leader and of
// another. The node leaves Raft within 10 s, the others go on with a leader of
// theirs, what only it hears of is told, nothing is told twice, and it tells itself
// when nobody else can (I15). It comes back without help.
func TestDiskFaults(t *testing.T) {
	t.Parallel()
	for _, f := range diskFaults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			diskFaultStory(t, f)
		})
	}
}

func diskFaultStory(t *testing.T, f diskFault) {
	rig.NeedRoot(t)
	var dirs []string
	disks := map[string]*fault.Disk{}
	if f.disks {
		for i := range 3 {
			d, err := fault.MakeDisk(filepath.Join(t.TempDir(), fmt.Sprint("disk", i)), 48<<20)
			possible(t, err)
			t.Cleanup(func() { noError(t, d.Close()) })
			dirs = append(dirs, d.Dir)
			disks[d.Dir] = d
		}
	}
	s := newFaultyStory(t, "", dirs...)
	for _, leader := range f.leader {
		role := map[bool]string{true: "leader", false: "follower"}[leader]
		victim := s.pick(leader)
		t.Logf("the disk of the %s, %s", role, victim.Name)
		s.brokenDisk(role, victim, func() func() { return f.begin(t, victim, disks[victim.Dir]) })
	}
	s.c.AwaitAgreement(t, 10*time.Second)
}

// brokenDisk is one fault from its begin to when it is forgotten.
func (s *faultyStory) brokenDisk(role string, victim *rig.Node, begin func() (end func())) {
	s.t.Helper()
	before, heard, others, alone := "before "+role, "heard by "+role, "without "+role, "alone "+role
	s.post(before, s.c.Nodes...)
	s.told(before, 5*time.Second, 1, 1)

	end := begin()
	s.post(heard, victim)
	s.within(11*time.Second, "it leaves Raft", func() bool { // ten, and some time to write and to look
		st, ok := s.state(victim)
		if ok && st.Node.Storage == "" {
			victim.PutSilence(rig.Mute("alertname", "nothing", time.Hour)) // a full disk is noticed once it is written to
		}
		return ok && st.Node.Storage != ""
	})
	rest := s.others(victim)
	s.within(10*time.Second, "the others have a leader and take writes", func() bool {
		l := s.leads(rest[0])
		_, r := rest[0].PutSilence(rig.Mute("alertname", "nothing", time.Hour))
		return l != nil && l != victim && s.leads(rest[1]) == l && r.Code == http.StatusOK
	})
	s.within(5*time.Second, "it has heard that they are well", func() bool {
		st, ok := s.state(victim)
		return ok && st.othersAreWell()
	})
	s.post(others, rest...)
	s.told(heard, 15*time.Second, 1, 1)
	s.told(others, 5*time.Second, 1, 1)
	time.Sleep(6 * time.Second) // in which a node without a quorum would have its turn
	s.once("firing", before, heard, others)

	s.lastOne(alone, victim, rest)
	end()
	s.well(30 * time.Second)
	for _, name := range []string{before, heard, others, alone} {
		s.post(name, s.c.Nodes...) // Prometheus repeats what fires
	}
	time.Sleep(4 * time.Second) // a turn of the groups
	for _, name := range []string{before, heard, others, alone} {
		s.resolve(name)
	}
	time.Sleep(5 * time.Second)
	s.ended(before, heard, others, alone)
}

// ended checks that groups were told as firing, and then as resolved once. That
// they fire may have been told twice, under one ID: the last one did not know
// what the others had told, and they, stopped, did not know what it told.
func (s *faultyStory) ended(names ...string) {
	s.t.Helper()
	for _, name := range names {
		var seen []string
		for _, a := range s.of(name) {
			seen = append(seen, a.Message.Status)
		}
		want := append(slices.Repeat([]string{"firing"}, min(2, max(1, len(seen)-1))), "resolved")
		if !slices.Equal(seen, want) {
			s.t.Errorf("%s was told as %v, want firing once or twice, and then resolved once", name, seen)
		}
		s.sameIDs(name)
	}
}

// lastOne stops all nodes but the one whose disk is broken: it tells what it
// hears of.
func (s *faultyStory) lastOne(name string, last *rig.Node, rest []*rig.Node) {
	s.t.Helper()
	resume := s.pause(rest...)
	defer resume()
	s.post(name, last)
	// It notices, holds its tongue for a peer timeout, and waits for its turn.
	s.told(name, 20*time.Second, 1, 1)
}
