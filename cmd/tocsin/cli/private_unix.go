//go:build unix

package cli

import "syscall"

// keepPrivate sees to it that nobody else reads what the program makes from now
// on: the libraries that write the log's snapshots leave that to it.
func keepPrivate() { syscall.Umask(0o077) }
