package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"tocsin/store"
)

// Check reads a whole file and compares everything in it with everything else.
//
// Errors: ErrNotArchive, ErrDamaged, ErrTooNew, ErrSealed, ErrWrongKey, those of
// r.
func Check(r io.Reader, k Key) (Manifest, error) {
	var sum store.Summary
	m, err := Read(r, k, func(_ Manifest, state io.Reader) (err error) {
		sum, err = store.Summarise(state)
		return err
	})
	if err != nil {
		return Manifest{}, err
	}
	if what := m.differs(&sum); what != "" {
		return Manifest{}, fmt.Errorf("%w: the %s in its manifest is not that of its records", ErrDamaged, what)
	}
	return m, nil
}

// Read reads a file and gives its manifest and its state to use, which is called
// once; what use has not read is read after it. An error of Read after use means
// that what use was given was not whole: Check a file first.
func Read(r io.Reader, k Key, use func(m Manifest, state io.Reader) error) (Manifest, error) {
	m, err := read(r, k, use)
	if err != nil {
		return Manifest{}, fmt.Errorf("read a backup: %w", classify(err))
	}
	return m, nil
}

func read(r io.Reader, k Key, use func(m Manifest, state io.Reader) error) (Manifest, error) {
	opened, err := unseal(bufio.NewReaderSize(r, 1<<16), k)
	if err != nil {
		return Manifest{}, err
	}
	in := bufio.NewReaderSize(opened, 1<<16) // so that gzip takes no more than its own
	zip, err := gzip.NewReader(in)
	switch {
	case isUnsealing(err):
		return Manifest{}, err
	case err != nil:
		return Manifest{}, fmt.Errorf("%w: %w", ErrNotArchive, err)
	}
	zip.Multistream(false)
	parts := tar.NewReader(zip)
	text, err := small(parts, partManifest, maxManifestBytes)
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return Manifest{}, err
	}
	if err := m.readState(parts, use); err != nil {
		return Manifest{}, err
	}
	sums, err := small(parts, partSums, maxSumsBytes)
	if err != nil {
		return Manifest{}, err
	}
	want := fmt.Sprintf("%x  %s\n%s  %s\n", sha256.Sum256(text), partManifest, m.Parts[0].SHA256, partState)
	if !bytes.Equal(sums, []byte(want)) {
		return Manifest{}, fmt.Errorf("%w: its sums are not those of its parts", ErrDamaged)
	}
	return m, atEnd(parts, zip, in)
}

// readState gives the state to use and compares what went by with the manifest.
func (m *Manifest) readState(parts *tar.Reader, use func(Manifest, io.Reader) error) error {
	h, err := next(parts, partState)
	if err != nil {
		return err
	}
	if h.Size != m.Parts[0].Bytes {
		return fmt.Errorf("%w: its state has not the length that the manifest gives", ErrDamaged)
	}
	sum := sha256.New()
	state := io.TeeReader(parts, sum)
	if err := use(*m, state); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, state); err != nil {
		return err
	}
	if fmt.Sprintf("%x", sum.Sum(nil)) != m.Parts[0].SHA256 {
		return fmt.Errorf("%w: its state has not the sum that the manifest gives", ErrDamaged)
	}
	return nil
}

// next goes to the part of a name, which must be the next.
func next(parts *tar.Reader, name string) (*tar.Header, error) {
	h, err := parts.Next()
	switch {
	case errors.Is(err, tar.ErrHeader):
		return nil, fmt.Errorf("%w: %w", ErrNotArchive, err)
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: %s is missing", ErrDamaged, name)
	case err != nil:
		return nil, err
	case h.Name != name || h.Typeflag != tar.TypeReg:
		if name == partManifest {
			return nil, fmt.Errorf("%w: it begins with %q", ErrNotArchive, h.Name)
		}
		return nil, fmt.Errorf("%w: it has %q in the place of %s", ErrDamaged, h.Name, name)
	}
	return h, nil
}

func small(parts *tar.Reader, name string, most int64) ([]byte, error) {
	h, err := next(parts, name)
	if err != nil {
		return nil, err
	}
	if h.Size > most {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrDamaged, name, h.Size)
	}
	return io.ReadAll(parts)
}

// atEnd reads what ends a file, so that one that is cut off there is noticed,
// too, and refuses anything more.
func atEnd(parts *tar.Reader, zip *gzip.Reader, in io.Reader) error {
	if _, err := parts.Next(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: it has more parts than it should", ErrDamaged)
	}
	for _, r := range []io.Reader{zip, in} {
		if n, err := io.CopyN(io.Discard, r, 1); n > 0 {
			return fmt.Errorf("%w: there is something behind its end", ErrDamaged)
		} else if !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// classify gives an error of reading this package's name.
func classify(err error) error {
	for _, ours := range []error{ErrNotArchive, ErrDamaged, ErrTooNew, ErrSealed, ErrWrongKey} {
		if errors.Is(err, ours) {
			return err
		}
	}
	switch {
	case errors.Is(err, store.ErrNewerSchema):
		return fmt.Errorf("%w: %w", ErrTooNew, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNotSnapshot),
		errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader), isFlate(err), isUnsealing(err):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Open is the file without what seals it: what Write wrote. It checks nothing.
// Errors: ErrSealed, ErrWrongKey, ErrNotArchive, ErrDamaged.
func Open(r io.Reader, k Key) (io.Reader, error) {
	in, err := unseal(bufio.NewReaderSize(r, 1<<16), k)
	if err != nil {
		return nil, fmt.Errorf("open a backup: %w", classify(err))
	}
	return in, nil
}
