package fault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// poll is how often the state of a process is looked at, and settle for how long
// at most: a busy machine needs some of it.
const (
	poll   = time.Millisecond
	settle = 10 * time.Second
)

// threads are the folders in /proc of a process's threads.
func threads(pid int) ([]string, error) {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the threads of process %d: %w", pid, err)
	}
	out := make([]string, 0, len(entries))
	for _, e := range entries {
		out = append(out, dir+"/"+e.Name())
	}
	return out, nil
}

// everyThread asks check of every thread of a process until all say yes. A
// thread that ends meanwhile counts as a yes.
func everyThread(pid int, what string, check func(dir string) (bool, error)) error {
	for deadline := time.Now().Add(settle); ; time.Sleep(poll) {
		all, err := allThreads(pid, check)
		if err != nil || all {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d: not every thread is %s after %v", pid, what, settle)
		}
	}
}

func allThreads(pid int, check func(dir string) (bool, error)) (bool, error) {
	dirs, err := threads(pid)
	if err != nil {
		return false, err
	}
	for _, dir := range dirs {
		yes, err := check(dir)
		switch {
		case ended(err):
		case err != nil:
			return false, err
		case !yes:
			return false, nil
		}
	}
	return true, nil
}

// ended reports whether an error says that there is no such process or thread any
// more.
func ended(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH)
}

// state is the letter that says what a thread does: R runs, S sleeps, D waits for
// a disk, T is stopped, t is stopped by a tracer, Z and X have ended.
func state(dir string) (byte, error) {
	data, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0, err
	}
	// The name before it is in brackets and may hold anything.
	i := bytes.LastIndexByte(data, ')')
	if i < 0 || i+2 >= len(data) {
		return 0, fmt.Errorf("%s/stat has no state: %q", dir, data)
	}
	return data[i+2], nil
}

// field is a line of /proc/…/status.
func field(dir, name string) (string, error) {
	data, err := os.ReadFile(dir + "/status")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("%s/status has no %s", dir, name)
}

// tracer is the ID of the process that traces a thread; 0 is nobody.
func tracer(dir string) (int, error) {
	v, err := field(dir, "TracerPid")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(v)
}
