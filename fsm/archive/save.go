package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Saved is a file that is in its place, read back and whole.
type Saved struct {
	Path     string
	Bytes    int64
	Manifest Manifest
}

// Save puts a file in the place of path, which may be there: what write writes,
// sealed by k. Until all is written, synced and read back, whatever was at path
// stays. A file that k can open again is opened and checked as for a restore; one
// that is sealed for others is checked on its way, and its bytes are compared.
//
// Errors: those of write, of Check and of the disk.
func Save(path string, k Key, write func(io.Writer) error) (Saved, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+partialSuffix+"*") // 0600
	if err != nil {
		return Saved{}, fmt.Errorf("save a backup: %w", err)
	}
	s := Saved{Path: path}
	err = s.fill(f, k, write)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return Saved{}, fmt.Errorf("save a backup: %w", err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return Saved{}, fmt.Errorf("save a backup: %w", err)
	}
	return s, nil
}

const partialSuffix = ".partial-"

// Partial reports whether a file of this name is one that Save has not completed:
// it writes to it now, or did when the machine or the process ended.
func Partial(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, partialSuffix)
}

func (s *Saved) fill(f *os.File, k Key, write func(io.Writer) error) (err error) {
	sum := sha256.New()
	out, err := seal(io.MultiWriter(f, sum), k)
	if err != nil {
		return err
	}
	opens := !k.Seals() || k.Opens()
	if opens {
		err = write(out)
	} else {
		s.Manifest, err = checkOnTheWay(out, write)
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return err
	}
	return s.readBack(f, k, opens, sum.Sum(nil))
}

// readBack reads what the disk has.
func (s *Saved) readBack(f *os.File, k Key, opens bool, want []byte) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := sha256.New()
	in := &counter{r: io.TeeReader(f, sum)}
	if opens {
		m, err := Check(in, k)
		if err != nil {
			return fmt.Errorf("read back what was written: %w", err)
		}
		s.Manifest = m
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return fmt.Errorf("read back what was written: %w", err)
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return fmt.Errorf("%w: the disk gives back other bytes than were written", ErrDamaged)
	}
	s.Bytes = in.n
	return nil
}

// checkOnTheWay checks what goes to w.
func checkOnTheWay(w io.Writer, write func(io.Writer) error) (Manifest, error) {
	r, side := io.Pipe()
	var m Manifest
	checked := make(chan error, 1)
	go func() {
		var err error
		m, err = Check(r, Key{})
		_ = r.CloseWithError(errors.Join(err, errEnd))
		checked <- err
	}()
	err := write(io.MultiWriter(w, side))
	_ = side.CloseWithError(err)
	cerr := <-checked
	if err != nil {
		return Manifest{}, err
	}
	return m, cerr
}

// errEnd is what a writer gets that writes more than was to be checked.
var errEnd = errors.New("the check of what is written has ended")

type counter struct {
	r io.Reader
	n int64
}

// Read counts what is read.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// syncFolder makes a rename in dir survive a crash.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
