package fault

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Pause stops a process, as a stalled virtual machine would, and returns when
// none of its threads runs any more. One that waits for a hanging disk counts as
// stopped. The kernel goes on serving its sockets.
func Pause(pid int) error {
	if err := signal(pid, unix.SIGSTOP); err != nil {
		return err
	}
	return everyThread(pid, "stopped", func(dir string) (bool, error) {
		s, err := state(dir)
		return slices.Contains([]byte("TtDZX"), s), err
	})
}

// Resume lets a stopped process go on. It is none of its business if it was not
// stopped.
func Resume(pid int) error { return signal(pid, unix.SIGCONT) }

// Kill ends a process at once and waits until it has ended. It fails if the
// process is still there after 10 s, as one is that waits for a hanging disk. A
// process that is already gone is no error.
func Kill(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return refused(fmt.Sprintf("open process %d", pid), err)
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return refused(fmt.Sprintf("kill process %d", pid), err)
	}
	for deadline := time.Now().Add(settle); ; {
		left := max(0, time.Until(deadline))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait for the end of process %d: %w", pid, err)
		case left == 0:
			return fmt.Errorf("process %d is still there %v after SIGKILL", pid, settle)
		}
	}
}

func signal(pid int, sig unix.Signal) error {
	switch err := unix.Kill(pid, sig); {
	case errors.Is(err, unix.EPERM):
		return refused(fmt.Sprintf("send %v to process %d", sig, pid), err)
	case err != nil:
		return fmt.Errorf("send %v to process %d: %w", sig, pid, err)
	}
	return nil
}
