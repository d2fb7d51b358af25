package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
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
	begin func(t *testing.T, n *rig.Node, d *fault.Disk) (end func())
}

func diskFaults() []diskFault {
	return []diskFault{
		{"full", true, func(t *testing.T, _ *rig.Node, d *fault.Disk) func() {
			possible(t, d.Fill())
			return func() { noError(t, d.Free()) }
		}},
		{"hung", true, func(t *testing.T, _ *rig.Node, d *fault.Disk) func() {
			possible(t, d.Freeze())
			t.Cleanup(func() { noError(t, d.Thaw()) }) // or nothing could end the process
			return func() { noError(t, d.Thaw()) }
		}},
		{"failing sync", false, func(t *testing.T, n *rig.Node, _ *fault.Disk) func() {
			f, err := fault.FailSync(n.PID(), fault.Sync{Errno: syscall.EIO})
			possible(t, err)
			t.Cleanup(func() { noError(t, f.Stop()) })
			return func() { noError(t, f.Stop()) }
		}},
	}
}

// TestDiskFaults breaks the disk of one node of three, of the leader and then of
// another. The node leaves Raft within 10 s, the others go on with a leader of
// theirs, what only it hears of is told, and it tells itself when nobody else can
// (I15). It comes back without help, and nothing is told twice.
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
	for _, leader := range []bool{true, false} {
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
	s.post(heard, victim) // which is to be written somewhere
	s.within(10*time.Second, "it leaves Raft", func() bool {
		st, ok := s.state(victim)
		return ok && st.Node.Storage != ""
	})
	rest := s.others(victim)
	s.within(10*time.Second, "the others have a leader", func() bool {
		l := s.leads(rest[0])
		return l != nil && l != victim && s.leads(rest[1]) == l
	})
	s.within(5*time.Second, "the others take writes", func() bool {
		_, r := rest[0].PutSilence(rig.Mute("alertname", "nothing", time.Hour))
		return r.Code == http.StatusOK
	})
	s.post(others, rest...)
	s.told(heard, 15*time.Second, 1, 1)
	s.told(others, 5*time.Second, 1, 1)

	resume := s.pause(rest...)
	s.post(alone, victim)
	// It notices, holds its tongue for a peer timeout, and waits for its turn.
	s.told(alone, 20*time.Second, 1, 1)
	resume()
	end()
	s.well(30 * time.Second)
	for _, name := range []string{before, heard, others, alone} {
		s.post(name, s.c.Nodes...) // Prometheus repeats what fires
	}
	time.Sleep(4 * time.Second) // a turn of the groups
	s.once("firing", before, heard, others, alone)
	for _, name := range []string{before, heard, others, alone} {
		s.resolve(name)
	}
	time.Sleep(5 * time.Second)
	s.once("resolved", before, heard, others, alone)
}
