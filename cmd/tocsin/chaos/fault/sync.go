package fault

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Sync says what becomes of fsync and fdatasync.
type Sync struct {
	// Errno is how they fail, without reaching the disk; zero: they do not.
	Errno syscall.Errno
	// Delay is how long each takes before it does anything; whole microseconds.
	Delay time.Duration
}

// SyncFault is a process whose syncs are tampered with.
type SyncFault struct {
	pid    int
	strace *exec.Cmd
	said   *os.File      // what strace said; removed already
	done   chan struct{} // closed when strace has ended
}

// FailSync tampers with every fsync and fdatasync of a running process, and of
// all of its threads, from now until Stop. It traces the process with strace,
// which makes all of its system calls slower by some microseconds.
func FailSync(pid int, how Sync) (*SyncFault, error) {
	inject, err := how.inject()
	if err != nil {
		return nil, err
	}
	path, err := tool("strace")
	if err != nil {
		return nil, err
	}
	f := &SyncFault{pid: pid, done: make(chan struct{})}
	if f.said, err = os.CreateTemp("", "strace-"); err != nil {
		return nil, fmt.Errorf("trace process %d: %w", pid, err)
	}
	_ = os.Remove(f.said.Name()) // the open file is enough
	f.strace = exec.Command(path, "-f", "-qq", "-o", "/dev/null", "-p", fmt.Sprint(pid),
		"-e", "trace=fsync,fdatasync", "-e", "signal=none", "-e", "inject=fsync,fdatasync"+inject)
	f.strace.Stderr = f.said
	// With the death of its tracer a process goes on untraced.
	f.strace.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := f.strace.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start strace: %w", err), f.said.Close())
	}
	go f.follow()
	if err := f.attached(); err != nil {
		return nil, errors.Join(err, f.Stop())
	}
	return f, nil
}

// follow waits for the end of strace. It tries out the kernel with children of
// its own when it begins; one that is ended just then leaves them behind.
func (f *SyncFault) follow() {
	defer close(f.done)
	pid := f.strace.Process.Pid
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		continue
	}
	_ = unix.Kill(-pid, unix.SIGKILL) // its group; nobody else can have the number yet
	_ = f.strace.Wait()               // a refusal is read from what it said
}

// complaint is what strace said.
func (f *SyncFault) complaint() error {
	text := make([]byte, 1000)
	n, _ := f.said.ReadAt(text, 0) // less than that is there
	return errors.New(strings.TrimSpace(string(text[:n])))
}

// inject is the tampering in the language of strace.
func (s Sync) inject() (string, error) {
	var b strings.Builder
	if s.Errno != 0 {
		name := unix.ErrnoName(s.Errno)
		if name == "" {
			return "", fmt.Errorf("fail syncs with error number %d: it has no name", s.Errno)
		}
		b.WriteString(":error=" + name)
	}
	if s.Delay < 0 || s.Delay%time.Microsecond != 0 {
		return "", fmt.Errorf("delay syncs by %v: want whole microseconds", s.Delay)
	}
	if s.Delay > 0 {
		fmt.Fprintf(&b, ":delay_enter=%d", s.Delay.Microseconds())
	}
	if b.Len() == 0 {
		return "", errors.New("tamper with syncs: neither an error nor a delay is given")
	}
	return b.String(), nil
}

// attached waits until strace traces every thread.
func (f *SyncFault) attached() error {
	return everyThread(f.pid, "traced", func(dir string) (bool, error) {
		select {
		case <-f.done:
			return false, refused(fmt.Sprintf("trace process %d", f.pid), f.complaint())
		default:
		}
		by, err := tracer(dir)
		return by == f.strace.Process.Pid, err
	})
}

// Stop ends the fault: from when it returns all syncs of the process are honest.
// It may be called more than once, and after the end of the process.
func (f *SyncFault) Stop() error {
	defer f.said.Close()
	// A strace that is told to end lets go of what it traces first. One that
	// waits for a delay of its own is not kept from that.
	_ = f.strace.Process.Signal(syscall.SIGTERM) // or it has ended
	select {
	case <-f.done:
	case <-time.After(settle):
		_ = f.strace.Process.Kill()
		<-f.done
	}
	err := everyThread(f.pid, "let go", func(dir string) (bool, error) {
		by, err := tracer(dir)
		if err != nil {
			return false, err
		}
		s, err := state(dir)
		return by != f.strace.Process.Pid && s != 't', err
	})
	if ended(err) {
		return nil // and all of its syncs with it
	}
	return err
}
