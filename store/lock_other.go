//go:build !unix || solaris || aix || android

package store

import (
	"os"
	"time"
)

// lockFile leaves the lock to bbolt.
func lockFile(*os.File, time.Duration) error { return nil }

func unlockFile(*os.File) {}
