package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
)

// What a restore keeps beside the live file while it is under way.
const (
	suffixRestoring = ".restoring"
	suffixPrevious  = ".previous"
)

// restoreBatch is how many bytes of records one transaction of a restore holds.
const restoreBatch = 8 << 20

// Restore replaces the whole state by a snapshot. check looks at the new state
// before it takes the old one's place; nil = no look. Whatever fails, the old
// state stays and is served on.
//
// Errors: ErrNotSnapshot, ErrNewerSchema, ErrOtherCluster (unless this state
// has no cluster yet), ErrDamaged, ErrDiskFull, ErrClosed, that of check, those
// of r and of the disk.
func (s *State) Restore(r io.Reader, check func(*Tx) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.restore(r, check); err != nil {
		return fmt.Errorf("restore %s: %w", s.path, err)
	}
	return nil
}

func (s *State) restore(r io.Reader, check func(*Tx) error) error {
	var mine Meta
	err := s.View(func(tx *Tx) (err error) {
		mine, err = tx.Meta()
		return err
	})
	if err != nil {
		return err
	}
	in := &sumReader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
	h, err := readHeader(in)
	if err != nil {
		return err
	}
	if mine.Cluster != "" && h.Cluster != mine.Cluster {
		return fmt.Errorf("%w: of %q, not of %q", ErrOtherCluster, h.Cluster, mine.Cluster)
	}
	temp := s.path + suffixRestoring
	if err := s.build(temp, in, h, check); err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	return s.swap(temp)
}

// build makes a checked and synced state file of a snapshot.
func (s *State) build(temp string, in *sumReader, h Header, look func(*Tx) error) error {
	if err := removeIfThere(temp); err != nil {
		return err
	}
	// One sync at the end is enough for a file that nobody relies on before.
	o := s.o
	o.NoSync = true
	db, err := openFile(temp, o, stateLayout)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error { return raiseSchema(tx, uint32(h.Schema)) })
	if err == nil {
		err = fill(db, in, h)
	}
	if err == nil {
		err = check(db)
	}
	if err == nil {
		err = db.View(func(tx *bbolt.Tx) error { return examine(&Tx{tx}, h, look) })
	}
	if err == nil && !s.o.NoSync {
		err = db.Sync()
	}
	return classify(errors.Join(err, db.Close()))
}

// fill copies the records of a snapshot into db and checks its checksum.
func fill(db *bbolt.DB, in *sumReader, h Header) error {
	for left := h.Length; left > 0; {
		err := db.Update(func(tx *bbolt.Tx) error {
			for n := uint64(0); left > 0 && n < restoreBatch; {
				got, err := copyRecord(tx, in, left)
				if err != nil {
					return err
				}
				n += got
				left -= got
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return checkSum(in)
}

// checkSum compares the checksum behind what was read.
func checkSum(in *sumReader) error {
	want := in.sum.Sum(nil)
	var got [sha256.Size]byte
	if err := readFull(in.r, got[:]); err != nil {
		return err
	}
	if !bytes.Equal(got[:], want) {
		return fmt.Errorf("%w: its checksum is wrong", ErrDamaged)
	}
	return nil
}

// copyRecord copies one record of at most left bytes and says how long it was.
func copyRecord(tx *bbolt.Tx, in *sumReader, left uint64) (uint64, error) {
	bucket, b, k, n, err := readRecord(in, left)
	if err != nil {
		return 0, err
	}
	// Snapshots ascend, so pages may be filled to the brim.
	to := tx.Bucket([]byte(stateLayout.buckets[bucket]))
	to.FillPercent = 0.9
	return n, to.Put(b[:k:k], b[k:])
}

// readRecord reads one record of at most left bytes: its bucket, its key and
// value in one piece with where the key ends, and how long it was.
func readRecord(in *sumReader, left uint64) (bucket byte, b []byte, k int, n uint64, err error) {
	start := in.n
	if bucket, err = in.ReadByte(); err != nil {
		return 0, nil, 0, 0, cutOff(err)
	}
	key, err := binary.ReadUvarint(in)
	if err != nil {
		return 0, nil, 0, 0, cutOff(err)
	}
	value, err := binary.ReadUvarint(in)
	if err != nil {
		return 0, nil, 0, 0, cutOff(err)
	}
	if int(bucket) >= len(stateLayout.buckets) || key == 0 || key > bbolt.MaxKeySize || value > maxRecordBytes ||
		in.n-start+key+value > left {
		return 0, nil, 0, 0, fmt.Errorf("%w: a record makes no sense", ErrDamaged)
	}
	b = make([]byte, key+value)
	if err := readFull(in, b); err != nil {
		return 0, nil, 0, 0, err
	}
	return bucket, b, int(key), in.n - start, nil
}

// examine reads every record of a new state, so that nothing which cannot be
// read takes the place of something that can.
func examine(tx *Tx, h Header, look func(*Tx) error) error {
	m, err := tx.Meta()
	if err != nil {
		return err
	}
	if m.Cluster != h.Cluster || m.Index != h.Index || m.Term != h.Term {
		return fmt.Errorf("%w: its header is not that of its records", ErrDamaged)
	}
	for _, err := range tx.Configs() {
		if err != nil {
			return err
		}
	}
	for _, err := range tx.Silences() {
		if err != nil {
			return err
		}
	}
	for _, err := range tx.Entries() {
		if err != nil {
			return err
		}
	}
	for _, err := range tx.Nodes() {
		if err != nil {
			return err
		}
	}
	for _, err := range tx.Deliveries(0) {
		if err != nil {
			return err
		}
	}
	for _, err := range tx.Records() {
		if err != nil {
			return err
		}
	}
	for _, err := range tx.Audit(0) {
		if err != nil {
			return err
		}
	}
	if look == nil {
		return nil
	}
	return look(tx)
}

// swap puts the file temp in the place of the live one. The old one stays open
// for those who still read it.
func (s *State) swap(temp string) error {
	previous := s.path + suffixPrevious
	if err := os.Rename(s.path, previous); err != nil {
		return errors.Join(err, removeIfThere(temp))
	}
	undo := func(err error) error {
		return errors.Join(err, os.Rename(previous, s.path), syncFolder(s.path), removeIfThere(temp))
	}
	if err := os.Rename(temp, s.path); err != nil {
		return undo(err)
	}
	if err := syncFolder(s.path); err != nil {
		return undo(err)
	}
	db, err := openFile(s.path, s.o, stateLayout)
	if err != nil {
		return undo(err)
	}
	s.mu.Lock()
	old := s.live
	s.live = &handle{db: db, uses: 1}
	s.mu.Unlock()
	// The new state is in place: what is left of the old one is only litter.
	if err := errors.Join(s.release(old), removeIfThere(previous)); err != nil {
		s.o.logger().Warn("could not clear away what a restore replaced", "file", previous, "err", err)
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	return err
}

// sumReader counts and sums what goes through it.
type sumReader struct {
	r   *bufio.Reader
	sum hash.Hash
	n   uint64
	one [1]byte
}

func (r *sumReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.sum.Write(b[:n])
	r.n += uint64(n)
	return n, err
}

func (r *sumReader) ReadByte() (byte, error) {
	c, err := r.r.ReadByte()
	if err == nil {
		r.one[0] = c
		r.sum.Write(r.one[:])
		r.n++
	}
	return c, err
}
