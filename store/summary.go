package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"tocsin/fsm/model"
)

// Summary is what a snapshot holds.
type Summary struct {
	Header Header
	Meta   Meta
	// ConfigRev is the newest version of the configuration, 0 if there is none;
	// Claims are the entries with a live claim.
	ConfigRev uint64
	Claims    uint64
	// Counts are the records by bucket: configs, silences, entries, nodes,
	// history, and those of newer schemas.
	Counts map[string]uint64
	// Bytes and Sum are the length and the SHA-256 of the whole snapshot.
	Bytes int64
	Sum   [sha256.Size]byte
}

// Summarise reads a snapshot to its end and believes nothing in it: every
// record is read as it would be for a restore, and the checksum is compared. It
// makes no file.
//
// Errors: ErrNotSnapshot, ErrNewerSchema, ErrDamaged, those of r.
func Summarise(r io.Reader) (Summary, error) {
	whole := &sumWriter{w: io.Discard, sum: sha256.New()}
	in := &sumReader{r: bufio.NewReaderSize(io.TeeReader(r, whole), 1<<16), sum: sha256.New()}
	s := Summary{Counts: make(map[string]uint64)}
	if err := s.read(in); err != nil {
		return Summary{}, fmt.Errorf("read a snapshot: %w", err)
	}
	s.Bytes = whole.n
	whole.sum.Sum(s.Sum[:0])
	return s, nil
}

func (s *Summary) read(in *sumReader) (err error) {
	if s.Header, err = readHeader(in); err != nil {
		return err
	}
	var bucket byte
	var last []byte
	for left := s.Header.Length; left > 0; {
		at, b, k, n, err := readRecord(in, left)
		if err != nil {
			return err
		}
		if at < bucket || at == bucket && last != nil && bytes.Compare(last, b[:k]) >= 0 {
			return fmt.Errorf("%w: its records are out of order", ErrDamaged)
		}
		bucket, last = at, b[:k]
		if err := s.count(stateLayout.buckets[at], b[:k], b[k:]); err != nil {
			return err
		}
		left -= n
	}
	if err := checkSum(in); err != nil {
		return err
	}
	if _, err := in.r.ReadByte(); err != io.EOF {
		return fmt.Errorf("%w: there is something behind its end", ErrDamaged)
	}
	if m, h := s.Meta, s.Header; m.Cluster != h.Cluster || m.Index != h.Index || m.Term != h.Term {
		return fmt.Errorf("%w: its header is not that of its records", ErrDamaged)
	}
	return nil
}

// count reads one record and counts it.
func (s *Summary) count(bucket string, key, value []byte) (err error) {
	s.Counts[bucket]++
	switch bucket {
	case "state":
		err = model.Decode(value, &s.Meta)
	case "configs":
		var c model.ConfigVersion
		err = model.Decode(value, &c)
		s.ConfigRev = max(s.ConfigRev, c.Rev)
	case "silences":
		err = model.Decode(value, new(model.Silence))
	case "entries":
		var e model.Entry
		if err = model.Decode(value, &e); e.Claim != nil {
			s.Claims++
		}
	case "nodes":
		err = model.Decode(value, new(model.Node))
	case "history":
		err = model.Decode(value, new(model.Delivery))
	case "records":
		err = model.Decode(value, new(model.Record))
	case "audit":
		err = model.Decode(value, new(model.AuditRow))
	}
	if err != nil {
		return fmt.Errorf("%w: a record of %s: %w", ErrDamaged, bucket, err)
	}
	return nil
}
