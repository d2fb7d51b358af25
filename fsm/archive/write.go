package archive

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"tocsin/store"
)

// State is a state held at one index: fsm.Snapshot. Writing it twice writes the
// same bytes.
type State interface {
	WriteTo(w io.Writer) (int64, error)
}

// Write writes a file of s to w. Errors: those of s and of w.
func Write(w io.Writer, s State, a About) (Manifest, error) {
	sum, err := summarise(s)
	if err != nil {
		return Manifest{}, fmt.Errorf("make a backup: %w", err)
	}
	m := newManifest(&sum, a)
	if err := m.write(w, s); err != nil {
		return Manifest{}, fmt.Errorf("write a backup: %w", err)
	}
	return m, nil
}

// summarise reads the state once, as who restores it will.
func summarise(s State) (store.Summary, error) {
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := s.WriteTo(w)
		w.CloseWithError(err)
	}()
	sum, err := store.Summarise(r)
	// The writer must have ended before anybody writes s again, or lets it go.
	_ = r.CloseWithError(err)
	<-ended
	return sum, err
}

func (m *Manifest) write(w io.Writer, s State) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	out := tar.NewWriter(zip)
	if err := m.put(out, partManifest, text); err != nil {
		return err
	}
	if err := out.WriteHeader(m.header(partState, m.Parts[0].Bytes)); err != nil {
		return err
	}
	if _, err := s.WriteTo(out); err != nil {
		return err
	}
	sums := fmt.Sprintf("%x  %s\n%s  %s\n", sha256.Sum256(text), partManifest, m.Parts[0].SHA256, partState)
	if err := m.put(out, partSums, []byte(sums)); err != nil {
		return err
	}
	return errors.Join(out.Close(), zip.Close())
}

func (m *Manifest) put(out *tar.Writer, name string, b []byte) error {
	if err := out.WriteHeader(m.header(name, int64(len(b)))); err != nil {
		return err
	}
	_, err := out.Write(b)
	return err
}

func (m *Manifest) header(name string, n int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: n, Mode: 0o600, ModTime: m.Created, Format: tar.FormatPAX}
}
