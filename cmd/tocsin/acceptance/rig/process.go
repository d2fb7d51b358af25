package rig

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// EnvLogs names a folder that gets the whole output of every process that was
// started; without it only the end of the output of a failed test is shown.
const EnvLogs = "TOCSIN_TEST_LOGS"

// Process is a program that was started by a test. It is killed when the test is
// over, or dies with the test's own process.
type Process struct {
	Name string
	// Log is its standard error, Out its standard output.
	Log, Out *Log
	// Started is when it was started.
	Started time.Time

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and its output is read
	end  atomicTime
}

// Spec says what to start.
type Spec struct {
	Name string
	Argv []string
	// Env is added to the test's own environment.
	Env []string
	Dir string
	// Quiet: do not show the output when the test fails.
	Quiet bool
}

// Start starts a program.
func Start(t testing.TB, spec Spec) *Process {
	t.Helper()
	p := &Process{Name: spec.Name, Log: newLog(), Out: newLog(), done: make(chan struct{})}
	p.cmd = exec.Command(spec.Argv[0], spec.Argv[1:]...)
	p.cmd.Dir = spec.Dir
	p.cmd.Env = append(os.Environ(), spec.Env...)
	// The runtime keeps its threads, so the thread that forks lives as long as
	// the test's process and the death signal comes only with its end.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatalf("start %s: %v", spec.Name, err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("start %s: %v", spec.Name, err)
	}
	p.Started = time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", spec.Name, err)
	}
	go p.follow(stdout, stderr, teeFile(t, spec.Name))
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() && !spec.Quiet {
			t.Logf("end of the output of %s (pid %d):\n%s%s", p.Name, p.cmd.Process.Pid, p.Out.Tail(20), p.Log.Tail(30))
		}
	})
	return p
}

// follow reads the output to its end and then waits for the process.
func (p *Process) follow(stdout, stderr io.Reader, tee io.WriteCloser) {
	defer close(p.done)
	out := make(chan struct{})
	go func() { defer close(out); p.Out.consume(stdout, nil) }()
	if tee != nil {
		defer tee.Close()
		p.Log.consume(stderr, tee)
	} else {
		p.Log.consume(stderr, nil)
	}
	<-out
	_ = p.cmd.Wait() // the exit code is read from the process's state
	p.end.set(time.Now())
}

// teeFile is the file for a process's whole output, or nil.
func teeFile(t testing.TB, name string) io.WriteCloser {
	dir := os.Getenv(EnvLogs)
	if dir == "" {
		return nil
	}
	file := strings.ReplaceAll(t.Name(), "/", "_") + "." + name + ".log"
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatalf("open the log for %s: %v", name, err)
	}
	return f
}

// PID is the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Running reports whether it has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal; one for an ended process is lost.
func (p *Process) Signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("send %v to %s: %v", sig, p.Name, err)
	}
}

// Wait waits up to limit for the end; ok is false if it still runs then. Code
// is -1 when a signal ended it.
func (p *Process) Wait(limit time.Duration) (code int, ok bool) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), true
	case <-time.After(limit):
		return 0, false
	}
}

// Terminate asks it to end with SIGTERM; it must do so within limit, with exit
// code 0.
func (p *Process) Terminate(t testing.TB, limit time.Duration) {
	t.Helper()
	p.Signal(t, syscall.SIGTERM)
	code, ok := p.Wait(limit)
	switch {
	case !ok:
		t.Errorf("%s still runs %v after SIGTERM", p.Name, limit)
		p.Kill()
	case code != 0:
		t.Errorf("%s ended with exit code %d after SIGTERM, want 0", p.Name, code)
	}
}

// Kill ends it at once and waits for the end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// Ended is when it ended; zero while it runs.
func (p *Process) Ended() time.Time { return p.end.get() }
