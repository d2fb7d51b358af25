package fault_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos/fault"
)

func newDisk(t *testing.T) *fault.Disk {
	t.Helper()
	rig.Need(t, os.Geteuid() == 0, "making disks needs root")
	d, err := fault.MakeDisk(filepath.Join(t.TempDir(), "disk"), 16<<20)
	possible(t, err)
	t.Cleanup(func() { check(t, d.Close()) })
	return d
}

func mounted(t *testing.T, dir string) bool {
	t.Helper()
	list, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(list), " "+dir+" ")
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	c := start(t)
	file := filepath.Join(d.Dir, "file")
	if got := c.ask("write %s", file); got != done(nil) {
		t.Fatalf("a write to the new disk: %s", got)
	}
	for range 2 {
		possible(t, d.Fill())
		if got := c.ask("write %s", file); got != done(syscall.ENOSPC) {
			t.Errorf("a write to the full disk: %s, want %s", got, done(syscall.ENOSPC))
		}
		check(t, d.Free())
		if got := c.ask("write %s", file); got != done(nil) {
			t.Errorf("a write after there is space: %s", got)
		}
	}
	check(t, d.Free()) // nothing to give back
}

func TestFrozenDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	c := start(t)
	file := filepath.Join(d.Dir, "file")
	c.ask("write %s", file)
	possible(t, d.Freeze())
	c.tell("write %s", file)
	if got, ok := c.answer(500 * time.Millisecond); ok {
		t.Fatalf("a write to the frozen disk: %s, want no answer", got)
	}
	if _, err := os.ReadFile(file); err != nil {
		t.Errorf("read from the frozen disk: %v", err)
	}
	check(t, d.Thaw())
	if got, ok := c.answer(10 * time.Second); got != done(nil) {
		t.Errorf("the write after the thaw: %q (%v)", got, ok)
	}
	check(t, d.Thaw()) // it is not frozen
}

// TestCloseFrozenDisk closes a disk in its worst state.
func TestCloseFrozenDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	if !mounted(t, d.Dir) {
		t.Fatalf("%s is not mounted", d.Dir)
	}
	possible(t, d.Freeze())
	check(t, d.Close())
	if mounted(t, d.Dir) {
		t.Errorf("%s is mounted after Close", d.Dir)
	}
	left, err := os.ReadDir(filepath.Dir(d.Dir))
	if err != nil || len(left) != 1 || left[0].Name() != "disk" {
		t.Errorf("beside the folder lies %v (%v), want nothing", left, err)
	}
}

// TestDiskOutlivesNobody kills a process that has frozen a disk: the disk must go
// with it.
func TestDiskOutlivesNobody(t *testing.T) {
	t.Parallel()
	c := start(t)
	dir := filepath.Join(t.TempDir(), "disk")
	if got := c.ask("freeze %s", dir); got != done(nil) {
		rig.Need(t, !strings.Contains(got, fault.ErrRefused.Error()), got)
		t.Fatalf("make and freeze a disk: %s", got)
	}
	if !mounted(t, dir) {
		t.Fatalf("%s is not mounted", dir)
	}
	check(t, fault.Kill(c.pid()))
	gone := rig.Eventually(10*time.Second, 10*time.Millisecond, func() bool {
		_, err := os.Stat(dir + ".img")
		return !mounted(t, dir) && errors.Is(err, os.ErrNotExist)
	})
	if !gone {
		t.Error("10 s after the death of its maker the disk is still there")
	}
}

func TestMakeDiskFails(t *testing.T) {
	t.Parallel()
	rig.NeedRoot(t)
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(dir+".img", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := fault.MakeDisk(dir, 16<<20); !errors.Is(err, os.ErrExist) {
		t.Errorf("a disk on an image that exists: %v (%v), want %v", d, err, os.ErrExist)
	}
	if d, err := fault.MakeDisk(dir+"2", 1000); err == nil || mounted(t, dir+"2") {
		t.Errorf("a disk of 1000 bytes: %v, want an error", d)
	}
	if _, err := os.Stat(dir + "2.img"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the image of a disk that was not made is left: %v", err)
	}
}

func TestFailSync(t *testing.T) {
	t.Parallel()
	c := start(t)
	file := filepath.Join(t.TempDir(), "file")
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		f, err := fault.FailSync(c.pid(), fault.Sync{Errno: errno})
		possible(t, err)
		for range 3 {
			if got := c.ask("write %s", file); got != done(errno) {
				t.Errorf("a sync that must fail: %s, want %s", got, done(errno))
			}
		}
		check(t, f.Stop())
		if got := c.ask("write %s", file); got != done(nil) {
			t.Errorf("a sync after the fault: %s", got)
		}
		check(t, f.Stop())
	}
}

func TestSlowSync(t *testing.T) {
	t.Parallel()
	c := start(t)
	file := filepath.Join(t.TempDir(), "file")
	const delay = 700 * time.Millisecond
	f, err := fault.FailSync(c.pid(), fault.Sync{Delay: delay})
	possible(t, err)
	began := time.Now()
	if got := c.ask("write %s", file); got != done(nil) {
		t.Errorf("a slow sync: %s", got)
	}
	if took := time.Since(began); took < delay {
		t.Errorf("a slow sync took %v, want %v at least", took, delay)
	}
	check(t, f.Stop())
}

// TestStopInDelay ends a fault while a sync hangs in it.
func TestStopInDelay(t *testing.T) {
	t.Parallel()
	c := start(t)
	f, err := fault.FailSync(c.pid(), fault.Sync{Delay: time.Hour})
	possible(t, err)
	c.tell("write %s", filepath.Join(t.TempDir(), "file"))
	if got, ok := c.answer(300 * time.Millisecond); ok {
		t.Errorf("a sync that must hang: %s", got)
	}
	check(t, f.Stop())
	if got, ok := c.answer(10 * time.Second); !ok {
		t.Errorf("a sync still hangs after the fault (%s)", got)
	}
}

func TestFailSyncRefuses(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, how := range []fault.Sync{{}, {Delay: -time.Second}, {Delay: time.Nanosecond}, {Errno: 9999}} {
		if _, err := fault.FailSync(c.pid(), how); err == nil {
			t.Errorf("FailSync(%+v) is no error", how)
		}
	}
	f, err := fault.FailSync(c.pid(), fault.Sync{Errno: syscall.EIO})
	possible(t, err)
	if _, err := fault.FailSync(c.pid(), fault.Sync{Errno: syscall.EIO}); !errors.Is(err, fault.ErrRefused) {
		t.Errorf("a process traced twice: %v, want %v", err, fault.ErrRefused)
	}
	if got := c.ask("write %s", filepath.Join(t.TempDir(), "file")); got != done(syscall.EIO) {
		t.Errorf("after a refused second fault a sync says %s", got)
	}
	check(t, fault.Kill(c.pid()))
	check(t, f.Stop()) // after the end of the process
	if _, err := fault.FailSync(c.pid(), fault.Sync{Errno: syscall.EIO}); err == nil {
		t.Error("FailSync of a process that has ended is no error")
	}
}
