//go:build unix && !solaris && !aix && !android

package store

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// lockFile takes the lock that bbolt takes a moment later on the same open file,
// where taking it again does nothing: what is checked in between is nobody
// else's.
func lockFile(f *os.File, wait time.Duration) error {
	const pause = 20 * time.Millisecond
	for ; ; wait -= pause {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return err
		case wait <= 0:
			return ErrLocked
		}
		time.Sleep(pause)
	}
}

// unlockFile lets the lock go, which closing the file would not do while a
// mapping of it is left behind.
func unlockFile(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
