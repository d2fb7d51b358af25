package fault_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/tocsin/acceptance/rig"
	"tocsin/cmd/tocsin/chaos/fault"
)

// envChild is set in a process that faults are made in: this program again.
const envChild = "TOCSIN_FAULT_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(envChild) != "" {
		serve()
		return
	}
	os.Exit(m.Run())
}

// serve does what it is told, a line at a time, and answers each with a line.
func serve() {
	began := time.Now()
	in := bufio.NewScanner(os.Stdin)
	var disk *fault.Disk
	for in.Scan() {
		words := strings.SplitN(in.Text(), " ", 2)
		var err error
		switch words[0] {
		case "clock":
			now := time.Now()
			fmt.Println(now.UnixNano(), int64(now.Sub(began)))
			continue
		case "write":
			err = write(words[1])
		case "dial":
			var c net.Conn
			if c, err = net.Dial("tcp4", words[1]); err == nil {
				err = c.Close()
			}
		case "freeze": // a disk of its own, which it leaves so
			if disk, err = fault.MakeDisk(words[1], 16<<20); err == nil {
				err = disk.Freeze()
			}
		}
		fmt.Println("done:", reason(err))
	}
}

// reason is an error as it is told to the parent.
func reason(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return fmt.Sprint(err)
}

// write appends to a file and syncs it.
func write(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 64<<10))
	return errors.Join(err, f.Sync(), f.Close())
}

// child is a process that faults are made in.
type child struct {
	t       *testing.T
	cmd     *exec.Cmd
	in      *os.File
	answers chan string // closed when it has ended
}

func start(t *testing.T) *child {
	t.Helper()
	rig.Need(t, os.Geteuid() == 0, "faults in processes need root")
	c := &child{t: t, cmd: exec.Command(os.Args[0]), answers: make(chan string, 16)}
	c.cmd.Env = append(os.Environ(), envChild+"=1")
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.cmd.Stderr = os.Stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stdin, c.in = r, w
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.answers <- lines.Text()
		}
		close(c.answers)
		_ = c.cmd.Wait() // killed
	}()
	t.Cleanup(func() {
		_ = c.in.Close()
		if err := fault.Kill(c.pid()); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return c
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// tell gives it something to do.
func (c *child) tell(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		c.t.Fatal(err)
	}
}

// answer is what it said; ok is false if it said nothing within limit.
func (c *child) answer(limit time.Duration) (line string, ok bool) {
	select {
	case line, ok = <-c.answers:
		return line, ok
	case <-time.After(limit):
		return "", false
	}
}

// ask is tell and answer.
func (c *child) ask(format string, args ...any) string {
	c.t.Helper()
	c.tell(format, args...)
	line, ok := c.answer(20 * time.Second)
	if !ok {
		c.t.Fatalf("no answer to %q", format)
	}
	return line
}

// done is what is answered when the outcome is err.
func done(err error) string { return "done: " + reason(err) }

// possible ends the test if a fault cannot be made on this machine: skipped or,
// where everything is required, failed.
func possible(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, fault.ErrRefused) {
		rig.Need(t, false, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}
