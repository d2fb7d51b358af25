package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// fileStep brings a file or folder about.
type fileStep struct{ File }

func (s fileStep) String() string {
	owner, group := s.Owner, s.Group
	if owner == "" {
		owner = "root"
	}
	if group == "" {
		group = "root"
	}
	return fmt.Sprintf("%s %s (%04o %s:%s)", s.What, s.Path, s.Mode.Perm(), owner, group)
}

// Done implements Step.
func (s fileStep) Done(_ context.Context, m *Machine) (bool, error) {
	info, err := os.Lstat(m.at(s.Path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.IsDir() != s.IsDir() || !info.IsDir() && !info.Mode().IsRegular():
		return false, fmt.Errorf("%s is there, and is no %s", s.Path, kindOf(s.Mode))
	case s.Theirs && !s.IsDir():
		return true, nil
	case info.Mode().Perm() != s.Mode.Perm() || !s.ownedIn(m, info):
		return false, nil
	case s.IsDir():
		return true, nil
	}
	text, err := os.ReadFile(m.at(s.Path))
	return bytes.Equal(text, s.Text), err
}

func kindOf(m fs.FileMode) string {
	if m.IsDir() {
		return "folder"
	}
	return "regular file"
}

func (s fileStep) ownedIn(m *Machine, info fs.FileInfo) bool {
	if !m.owns() {
		return true
	}
	uid, gid, err := m.ids(s.Owner, s.Group)
	st, ok := info.Sys().(*syscall.Stat_t)
	return err == nil && ok && int(st.Uid) == uid && int(st.Gid) == gid
}

// Do implements Step.
func (s fileStep) Do(_ context.Context, m *Machine) (func(context.Context) error, error) {
	path := m.at(s.Path)
	made, err := makeFolders(filepath.Dir(path))
	undoFolders := func() error { return removeFolders(made) }
	if err != nil {
		return nil, errors.Join(err, undoFolders())
	}
	before, err := remember(path)
	if err != nil {
		return nil, errors.Join(err, undoFolders())
	}
	undo := func(context.Context) error { return errors.Join(before.restore(path), undoFolders()) }
	return undo, s.write(m, path, before)
}

func (s fileStep) write(m *Machine, path string, before *remembered) error {
	switch {
	case s.IsDir() && before.info == nil:
		if err := os.Mkdir(path, s.Mode.Perm()); err != nil {
			return err
		}
	case !s.IsDir():
		if err := replace(path, s.Text); err != nil {
			return err
		}
	}
	if m.owns() {
		uid, gid, err := m.ids(s.Owner, s.Group)
		if err != nil {
			return err
		}
		if err := os.Lchown(path, uid, gid); err != nil {
			return err
		}
	}
	return os.Chmod(path, s.Mode.Perm())
}

// makeFolders makes the folders above a file, and gives those that it made.
func makeFolders(dir string) (made []string, err error) {
	for missing := dir; ; missing = filepath.Dir(missing) {
		if _, err := os.Stat(missing); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		made = append(made, missing)
	}
	if len(made) == 0 {
		return nil, nil
	}
	if err = os.MkdirAll(dir, 0o755); err != nil {
		return made, err
	}
	for _, d := range made { // the umask may be a strict one
		err = errors.Join(err, os.Chmod(d, 0o755))
	}
	return made, err
}

func removeFolders(innermostFirst []string) error {
	var errs []error
	for _, d := range innermostFirst {
		if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// remembered is what was at a path before.
type remembered struct {
	info fs.FileInfo // nil: nothing
	text []byte
}

func remember(path string) (*remembered, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &remembered{}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &remembered{info: info}
	if info.Mode().IsRegular() {
		r.text, err = os.ReadFile(path)
	}
	return r, err
}

func (r *remembered) restore(path string) error {
	if r.info == nil {
		err := os.Remove(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case errors.Is(err, syscall.ENOTEMPTY):
			return fmt.Errorf("%w: %s", errKept, path)
		}
		return err
	}
	if r.info.Mode().IsRegular() {
		if err := replace(path, r.text); err != nil {
			return err
		}
	}
	if st, ok := r.info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := os.Lchown(path, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, r.info.Mode().Perm())
}

// replace writes a file so that at any time the old or the new one is there.
func replace(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tocsin-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name()) // it may be renamed already
		}
	}()
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
