package fault

import (
	"bytes"
	"errors"
	"fmt"
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
	said   bytes.Buffer // written by strace until it ends
	done   chan struct{}
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
	f.strace = exec.Command(path, "-f", "-qq", "-o", "/dev/null", "-p", fmt.Sprint(pid),
		"-e", "trace=fsync,fdatasync", "-e", "signal=none", "-e", "inject=fsync,fdatasync"+inject)
	f.strace.Stderr = &f.said
	// With the death of its tracer a process goes on untraced.
	f.strace.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := f.strace.Start(); err != nil {
		return nil, fmt.Errorf("start strace: %w", err)
	}
	go func() {
		defer close(f.done)
		_ = f.strace.Wait() // a refusal is read from what it said
	}()
	if err := f.attached(); err != nil {
		return nil, errors.Join(err, f.Stop())
	}
	return f, nil
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
			return false, refused(fmt.Sprintf("trace process %d", f.pid), errors.New(strings.TrimSpace(f.said.String())))
		default:
		}
		by, err := tracer(dir)
		return by == f.strace.Process.Pid, err
	})
}

// Stop ends the fault: from when it returns all syncs of the process are honest.
// It may be called more than once, and after the end of the process.
func (f *SyncFault) Stop() error {
	select {
	case <-f.done:
		return nil
	default:
	}
	// A strace that is told to end lets go of what it traces first. One that
	// waits for a delay of its own is not kept from that.
	if err := f.strace.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		_ = f.strace.Process.Kill() // it has ended, or this ends it
	}
	select {
	case <-f.done:
	case <-time.After(settle):
		_ = f.strace.Process.Kill()
		<-f.done
	}
	if _, err := threads(f.pid); err != nil {
		return nil // it has ended, and all of its syncs with it
	}
	return everyThread(f.pid, "let go", func(dir string) (bool, error) {
		by, err := tracer(dir)
		s, serr := state(dir)
		return by != f.strace.Process.Pid && s != 't', errors.Join(err, serr)
	})
}
