package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"go.etcd.io/bbolt"

	"tocsin/fsm/model"
)

// SnapshotFormat is the version of the snapshot's own form, beside the Schema
// of what is in it.
const SnapshotFormat = 1

const (
	snapshotMagic   = "TOCSNAP\x00"
	maxClusterBytes = 4 << 10
	maxRecordBytes  = 128 << 20
)

// Header stands before the records of a snapshot.
type Header struct {
	// Format is that of the snapshot, Schema that of the state in it.
	Format, Schema uint16
	Cluster        model.ClusterID
	Index, Term    uint64
	// Length is how many bytes of records follow; 32 bytes of SHA-256 over all
	// that came before end the snapshot.
	Length uint64
}

// Snapshot is a read transaction, held until Release: the state at one index.
// Its methods are for one goroutine.
type Snapshot struct {
	s    *State
	h    *handle
	tx   *bbolt.Tx
	meta Meta
}

// Snapshot holds the state as it is now.
func (s *State) Snapshot() (*Snapshot, error) {
	h, err := s.acquire()
	if err != nil {
		return nil, fmt.Errorf("take a snapshot: %w", err)
	}
	tx, err := h.db.Begin(false)
	if err != nil {
		return nil, fmt.Errorf("take a snapshot: %w", errors.Join(classify(err), s.release(h)))
	}
	snap := &Snapshot{s: s, h: h, tx: tx}
	if snap.meta, err = (&Tx{tx}).Meta(); err != nil {
		return nil, fmt.Errorf("take a snapshot: %w", errors.Join(err, snap.Release()))
	}
	return snap, nil
}

// Meta is what the held state says of itself.
func (s *Snapshot) Meta() Meta { return s.meta }

// Release lets the state go. Releasing twice does nothing.
func (s *Snapshot) Release() error {
	if s.tx == nil {
		return nil
	}
	err := s.tx.Rollback()
	s.tx = nil
	return errors.Join(err, s.s.release(s.h))
}

// WriteTo streams header, records and checksum. It may be called again.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) {
	if s.tx == nil {
		return 0, fmt.Errorf("write a snapshot: %w", ErrClosed)
	}
	out := &sumWriter{w: w, sum: sha256.New()}
	buf := bufio.NewWriterSize(out, 1<<16)
	err := s.write(buf)
	if err == nil {
		err = buf.Flush()
	}
	if err == nil {
		_, err = w.Write(out.sum.Sum(nil))
		out.n += sha256.Size
	}
	if err != nil {
		return out.n, fmt.Errorf("write the snapshot at %d: %w", s.meta.Index, classify(err))
	}
	return out.n, nil
}

func (s *Snapshot) write(w *bufio.Writer) error {
	var length uint64
	if err := s.records(func(_ byte, k, v []byte) error {
		length += uint64(recordBytes(k, v))
		return nil
	}); err != nil {
		return err
	}
	if err := writeHeader(w, Header{
		Format: SnapshotFormat, Schema: uint16(schemaOf(s.tx)), Cluster: s.meta.Cluster,
		Index: s.meta.Index, Term: s.meta.Term, Length: length,
	}); err != nil {
		return err
	}
	var head []byte
	return s.records(func(bucket byte, k, v []byte) error {
		head = binary.AppendUvarint(append(head[:0], bucket), uint64(len(k)))
		head = binary.AppendUvarint(head, uint64(len(v)))
		for _, b := range [][]byte{head, k, v} {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// records walks all records, bucket by bucket, key by key: equal states are
// equal bytes, whatever happened in the file before.
func (s *Snapshot) records(each func(bucket byte, k, v []byte) error) error {
	for i, name := range stateLayout.buckets {
		err := s.tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
			return each(byte(i), k, v)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func recordBytes(k, v []byte) int {
	return 1 + len(binary.AppendUvarint(nil, uint64(len(k)))) +
		len(binary.AppendUvarint(nil, uint64(len(v)))) + len(k) + len(v)
}

func writeHeader(w io.Writer, h Header) error {
	b := []byte(snapshotMagic)
	b = binary.BigEndian.AppendUint16(b, h.Format)
	b = binary.BigEndian.AppendUint16(b, h.Schema)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.Cluster)))
	b = append(b, h.Cluster...)
	b = binary.BigEndian.AppendUint64(b, h.Index)
	b = binary.BigEndian.AppendUint64(b, h.Term)
	b = binary.BigEndian.AppendUint64(b, h.Length)
	_, err := w.Write(b)
	return err
}

// ReadHeader reads the header of a snapshot and nothing behind it.
//
// Errors: ErrNotSnapshot, ErrNewerSchema, ErrDamaged, those of r.
func ReadHeader(r io.Reader) (Header, error) {
	h, err := readHeader(r)
	if err != nil {
		return Header{}, fmt.Errorf("read the header of a snapshot: %w", err)
	}
	return h, nil
}

func readHeader(r io.Reader) (h Header, err error) {
	fixed := make([]byte, len(snapshotMagic)+6)
	if err := readFull(r, fixed); err != nil {
		return h, fmt.Errorf("%w: %w", ErrNotSnapshot, err)
	}
	if string(fixed[:len(snapshotMagic)]) != snapshotMagic {
		return h, ErrNotSnapshot
	}
	rest := fixed[len(snapshotMagic):]
	h.Format = binary.BigEndian.Uint16(rest)
	h.Schema = binary.BigEndian.Uint16(rest[2:])
	n := binary.BigEndian.Uint16(rest[4:])
	switch {
	case h.Format == 0 || h.Schema == 0 || n > maxClusterBytes:
		return h, fmt.Errorf("%w: its header makes no sense", ErrDamaged)
	case h.Format > SnapshotFormat:
		return h, fmt.Errorf("%w: format %d, known are up to %d", ErrNewerSchema, h.Format, SnapshotFormat)
	case h.Schema > Schema:
		return h, fmt.Errorf("%w: schema %d, known are up to %d", ErrNewerSchema, h.Schema, Schema)
	}
	rest = make([]byte, int(n)+24)
	if err := readFull(r, rest); err != nil {
		return h, err
	}
	h.Cluster = model.ClusterID(rest[:n])
	h.Index = binary.BigEndian.Uint64(rest[n:])
	h.Term = binary.BigEndian.Uint64(rest[n+8:])
	h.Length = binary.BigEndian.Uint64(rest[n+16:])
	return h, nil
}

// readFull reads all of b; an end before that is damage.
func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	return err
}

type sumWriter struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (w *sumWriter) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.n += int64(n)
	w.sum.Write(b[:n])
	return n, err
}
