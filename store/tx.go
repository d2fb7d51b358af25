package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"tocsin/fsm/model"
)

// Schema is the newest version of the state file's layout. A file of a newer one
// is refused. A file, and a snapshot of it, has the lowest that fits what it
// holds: so an older program can go on with it until there is something in it
// that the program would lose.
const Schema = 2

// The schemas: the second has records and the audit.
const (
	schemaFirst   = 1
	schemaRecords = 2
)

// The buckets of the state file. Snapshots name them by their place in this
// list, so it only ever grows at its end.
var stateLayout = layout{
	kind:    "state",
	fresh:   schemaFirst,
	schema:  Schema,
	buckets: []string{"state", "configs", "silences", "entries", "nodes", "history", "records", "audit"},
}

var (
	bucketState    = []byte("state")
	bucketConfigs  = []byte("configs")
	bucketSilences = []byte("silences")
	bucketEntries  = []byte("entries")
	bucketNodes    = []byte("nodes")
	bucketHistory  = []byte("history")
	bucketRecords  = []byte("records")
	bucketAudit    = []byte("audit")

	keyState = []byte("state")
)

// Tx is a transaction on the state file. It is valid inside the call that it
// was passed to, in one goroutine. Records that it returns are copies.
type Tx struct{ tx *bbolt.Tx }

// Meta is what the state says of itself.
type Meta struct {
	// Cluster is empty before the cluster is founded.
	Cluster model.ClusterID
	// Index and Term are those of the last log entry that is in, Hash the
	// rolling hash at it.
	Index, Term uint64
	Hash        uint64
	// MinVersion is the lowest command version that all voters know.
	MinVersion uint32
	// SilenceRev is the log index of the last change of any silence.
	SilenceRev uint64
	// RevFloor is the highest revision of any ledger entry that was dropped:
	// new entries start above it, so that no revision comes twice.
	RevFloor uint64
	// HistorySeq is the number of the last row of the delivery history.
	HistorySeq uint64
	// AuditSeq is the number of the last row of the audit.
	AuditSeq uint64
}

// WriteWire writes m as a message.
func (m Meta) WriteWire(w *model.WireWriter) {
	w.Text(1, string(m.Cluster))
	w.Uint(2, m.Index)
	w.Uint(3, m.Term)
	w.Fixed(4, m.Hash)
	w.Uint(5, uint64(m.MinVersion))
	w.Uint(6, m.SilenceRev)
	w.Uint(7, m.RevFloor)
	w.Uint(8, m.HistorySeq)
	w.Uint(9, m.AuditSeq)
}

// ReadWire reads what WriteWire wrote.
func (m *Meta) ReadWire(r *model.WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			m.Cluster = model.ClusterID(r.Text())
		case 2:
			m.Index = r.Uint()
		case 3:
			m.Term = r.Uint()
		case 4:
			m.Hash = r.Fixed()
		case 5:
			m.MinVersion = r.Uint32()
		case 6:
			m.SilenceRev = r.Uint()
		case 7:
			m.RevFloor = r.Uint()
		case 8:
			m.HistorySeq = r.Uint()
		case 9:
			m.AuditSeq = r.Uint()
		default:
			r.Unknown()
		}
	}
}

// Meta reads what the state says of itself; zero in a new file.
func (t *Tx) Meta() (m Meta, err error) {
	b := t.tx.Bucket(bucketState).Get(keyState)
	if err := model.Decode(b, &m); err != nil {
		return Meta{}, fmt.Errorf("read the state's own record: %w: %w", ErrDamaged, err)
	}
	return m, nil
}

// PutMeta writes what the state says of itself.
func (t *Tx) PutMeta(m Meta) error { return t.put(bucketState, keyState, model.Encode(m)) }

// PutConfig writes a version of the configuration.
func (t *Tx) PutConfig(c *model.ConfigVersion) error {
	return t.put(bucketConfigs, number(c.Rev), model.Encode(c))
}

// DeleteConfig drops a version of the configuration.
func (t *Tx) DeleteConfig(rev uint64) error {
	return t.tx.Bucket(bucketConfigs).Delete(number(rev))
}

// Config reads one version of the configuration, nil if it is not kept.
func (t *Tx) Config(rev uint64) (*model.ConfigVersion, error) {
	b := t.tx.Bucket(bucketConfigs).Get(number(rev))
	if b == nil {
		return nil, nil
	}
	return decode[model.ConfigVersion](bucketConfigs, b)
}

// Configs are the versions of the configuration that are kept, newest first.
func (t *Tx) Configs() iter.Seq2[*model.ConfigVersion, error] {
	return descend[model.ConfigVersion](t, bucketConfigs, nil)
}

// PutSilence writes a silence.
func (t *Tx) PutSilence(s *model.Silence) error {
	return t.put(bucketSilences, []byte(s.ID), model.Encode(s))
}

// DeleteSilence drops a silence.
func (t *Tx) DeleteSilence(id string) error {
	return t.tx.Bucket(bucketSilences).Delete([]byte(id))
}

// Silences are all silences, by ID.
func (t *Tx) Silences() iter.Seq2[*model.Silence, error] {
	return ascend[model.Silence](t, bucketSilences)
}

// PutEntry writes a ledger entry.
func (t *Tx) PutEntry(e *model.Entry) error {
	return t.put(bucketEntries, entryKey(e.Key), model.Encode(e))
}

// DeleteEntry drops a ledger entry.
func (t *Tx) DeleteEntry(k model.DeliveryKey) error {
	return t.tx.Bucket(bucketEntries).Delete(entryKey(k))
}

// Entries are all ledger entries, in no order that means anything.
func (t *Tx) Entries() iter.Seq2[*model.Entry, error] {
	return ascend[model.Entry](t, bucketEntries)
}

// PutNode writes the record of a node.
func (t *Tx) PutNode(n model.Node) error {
	return t.put(bucketNodes, []byte(n.ID), model.Encode(n))
}

// DeleteNode drops the record of a node.
func (t *Tx) DeleteNode(id model.NodeID) error {
	return t.tx.Bucket(bucketNodes).Delete([]byte(id))
}

// Nodes are the records of all nodes, by ID.
func (t *Tx) Nodes() iter.Seq2[*model.Node, error] { return ascend[model.Node](t, bucketNodes) }

// PutDelivery writes a row of the delivery history under its Seq.
func (t *Tx) PutDelivery(d *model.Delivery) error {
	return t.put(bucketHistory, number(d.Seq), model.Encode(d))
}

// Deliveries are the rows of the delivery history with a Seq below before,
// newest first; 0 = all.
func (t *Tx) Deliveries(before uint64) iter.Seq2[*model.Delivery, error] {
	if before == 0 {
		return descend[model.Delivery](t, bucketHistory, nil)
	}
	return descend[model.Delivery](t, bucketHistory, number(before))
}

// FirstDelivery is the oldest row of the delivery history, nil if there is none.
func (t *Tx) FirstDelivery() (*model.Delivery, error) {
	_, b := t.tx.Bucket(bucketHistory).Cursor().First()
	if b == nil {
		return nil, nil
	}
	return decode[model.Delivery](bucketHistory, b)
}

// DeleteDelivery drops a row of the delivery history.
func (t *Tx) DeleteDelivery(seq uint64) error {
	return t.tx.Bucket(bucketHistory).Delete(number(seq))
}

func (t *Tx) put(bucket, key, value []byte) error {
	if err := t.tx.Bucket(bucket).Put(key, value); err != nil {
		return fmt.Errorf("write to %s: %w", bucket, err)
	}
	return nil
}

// entryKey is where an entry is kept: a hash, because a group's labels may be
// longer than bbolt lets a key be.
func entryKey(k model.DeliveryKey) []byte {
	sum := sha256.Sum256(model.Encode(k))
	return sum[:]
}

// number is a key that sorts as the number does.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func numberOf(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// record is a pointer to a T that can be read.
type record[T any] interface {
	*T
	ReadWire(r *model.WireReader)
}

func decode[T any, P record[T]](bucket, b []byte) (*T, error) {
	v := new(T)
	if err := model.Decode(b, P(v)); err != nil {
		return nil, fmt.Errorf("read from %s: %w: %w", bucket, ErrDamaged, err)
	}
	return v, nil
}

func ascend[T any, P record[T]](t *Tx, bucket []byte) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		c := t.tx.Bucket(bucket).Cursor()
		for k, b := c.First(); k != nil; k, b = c.Next() {
			if v, err := decode[T, P](bucket, b); !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// descend goes down from the last key below before; nil = from the last.
func descend[T any, P record[T]](t *Tx, bucket, before []byte) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		c := t.tx.Bucket(bucket).Cursor()
		k, b := c.Last()
		if before != nil {
			if k, _ = c.Seek(before); k != nil {
				k, b = c.Prev()
			} else {
				k, b = c.Last()
			}
		}
		for ; k != nil; k, b = c.Prev() {
			if before != nil && bytes.Compare(k, before) >= 0 {
				continue
			}
			if v, err := decode[T, P](bucket, b); !yield(v, err) || err != nil {
				return
			}
		}
	}
}
