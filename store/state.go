package store

import (
	"io"
	"time"
)

// Options say how to open a file. The zero value is right for production.
type Options struct {
	// LockTimeout is how long to wait for another process to let the file go;
	// 0 = one second.
	LockTimeout time.Duration
	// NoSync leaves out fsync. A crash of the machine may then damage the
	// file: for tests and throw-away state only.
	NoSync bool
	// Now is the wall clock; nil = time.Now. OpenLocal alone uses it.
	Now func() time.Time
}

// State is the file of the replicated state.
type State struct{ path string }

// OpenState opens the state file at path and creates it, with its folder, if
// it is missing.
func OpenState(path string, o Options) (*State, error) { panic("BUG: not written yet") }

// Path is where the file is.
func (s *State) Path() string { return s.path }

// Update runs fn in the one write transaction.
func (s *State) Update(fn func(*Tx) error) error { panic("BUG: not written yet") }

// View runs fn in a read transaction.
func (s *State) View(fn func(*Tx) error) error { panic("BUG: not written yet") }

// Restore replaces the whole state by a snapshot.
func (s *State) Restore(r io.Reader) error { panic("BUG: not written yet") }

// Close closes the file.
func (s *State) Close() error { panic("BUG: not written yet") }

// Tx is a transaction.
type Tx struct{}

// SetAside renames a damaged file, so that it can be looked at later, to its
// name with the time behind it.
func SetAside(path string, now time.Time) (newPath string, err error) {
	panic("BUG: not written yet")
}
