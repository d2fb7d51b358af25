package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"go.etcd.io/bbolt"
)

// State is the file of the replicated state. Its methods may be called from
// any goroutine; there is one writer at a time.
//
// Locks: write before mu. write is held for the length of an Update or a
// Restore, mu for a moment.
type State struct {
	path string
	o    Options

	write sync.Mutex
	mu    sync.Mutex
	live  *handle // guarded by mu; nil once closed
}

// handle is one open file, closed when the last who uses it lets go. So a
// restore can put another file in place while a snapshot of the old one is
// still being read.
type handle struct {
	db   *bbolt.DB
	uses int // guarded by State.mu; the State itself is one
}

// OpenState opens the state file at path and creates it, with its folder, if
// it is missing. A restore that a crash interrupted is undone. Everything in
// the file is checked.
//
// Errors: ErrLocked, ErrDamaged, ErrNewerSchema, ErrDiskFull.
func OpenState(path string, o Options) (*State, error) {
	if err := undoRestore(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db, err := openFile(path, o, stateLayout)
	if err != nil {
		return nil, err
	}
	// Only now, with the lock: another process may be at it.
	for _, suffix := range []string{suffixPrevious, suffixRestoring} {
		if err := removeIfThere(path + suffix); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, errors.Join(err, db.Close()))
		}
	}
	return &State{path: path, o: o, live: &handle{db: db, uses: 1}}, nil
}

// undoRestore puts the old file back if a crash came between the two renames of
// a restore.
func undoRestore(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	switch err := os.Rename(path+suffixPrevious, path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return syncFolder(path)
}

// Path is where the file is.
func (s *State) Path() string { return s.path }

// Update runs fn in the one write transaction and commits it if fn returns nil.
// On an error nothing that fn wrote is in effect, with one exception: when the
// last sync of a commit fails, nobody knows. Read before writing again. The
// store stays usable, and writes again as soon as the disk does.
//
// Errors: that of fn, ErrDiskFull, ErrClosed, those of the disk.
func (s *State) Update(fn func(*Tx) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	h, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release(h)
	err = h.db.Update(func(tx *bbolt.Tx) error { return fn(&Tx{tx}) })
	return classify(err)
}

// View runs fn in a read transaction. Nothing read in it may be kept unless the
// method that read it says so.
//
// Errors: that of fn, ErrClosed.
func (s *State) View(fn func(*Tx) error) error {
	h, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.release(h)
	return h.db.View(func(tx *bbolt.Tx) error { return fn(&Tx{tx}) })
}

// Size is how many bytes the file has, and how many of them hold nothing.
func (s *State) Size() (bytes, free int64, err error) {
	err = s.View(func(tx *Tx) error {
		stats := tx.tx.DB().Stats()
		bytes = tx.tx.Size()
		free = int64(stats.FreePageN+stats.PendingPageN) * int64(tx.tx.DB().Info().PageSize)
		return nil
	})
	return bytes, free, err
}

// Close closes the file, at once or when the last snapshot is released. Closing
// twice does nothing.
func (s *State) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	s.mu.Lock()
	h := s.live
	s.live = nil
	s.mu.Unlock()
	if h == nil {
		return nil
	}
	if err := s.release(h); err != nil {
		return fmt.Errorf("close %s: %w", s.path, err)
	}
	return nil
}

func (s *State) acquire() (*handle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil {
		return nil, ErrClosed
	}
	s.live.uses++
	return s.live, nil
}

func (s *State) release(h *handle) error {
	s.mu.Lock()
	h.uses--
	last := h.uses == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return h.db.Close()
}
