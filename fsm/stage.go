package fsm

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

// stage is a view under change: inside one transaction, on a copy that nobody
// else sees yet. Whatever changes goes to three places at once: the transaction,
// the copy, and the hash.
type stage struct {
	v  *View
	tx *store.Tx

	// Of the log entry that is being applied.
	index uint64
	stamp model.Millis
	sum   *xxhash.Digest

	change Change
	// err is the first error of the transaction. Nothing that comes after it
	// counts.
	err error
}

// applyEntry applies the commands of one log entry.
func (s *stage) applyEntry(e *decoded) []command.Result {
	s.index, s.stamp = e.Index, e.envelope.Stamp
	s.v.index, s.v.term = e.Index, e.Term
	if e.noop() {
		return []command.Result{}
	}
	s.sum = xxhash.New()
	s.mix('>', binary.BigEndian.AppendUint64(nil, s.v.hash))
	s.mix('#', binary.BigEndian.AppendUint64(nil, e.Index))
	results := make([]command.Result, 0, len(e.envelope.Commands)+1)
	if e.invalid != nil {
		results = append(results, command.Result{Code: command.CodeInvalid, Detail: e.invalid.Error()})
	}
	for _, c := range e.envelope.Commands {
		results = append(results, s.apply(c))
	}
	for i := range results {
		results[i].Index = e.Index
		// The detail is for people and may change with the program.
		r := results[i]
		r.Detail = ""
		s.mix('=', model.Encode(r))
	}
	s.v.hash = s.sum.Sum64()
	return results
}

// mix puts something that belongs to the state's history into its hash.
func (s *stage) mix(tag byte, b []byte) {
	var head [9]byte
	head[0] = tag
	binary.BigEndian.PutUint64(head[1:], uint64(len(b)))
	_, _ = s.sum.Write(head[:])
	_, _ = s.sum.Write(b)
}

func (s *stage) fail(err error) {
	if s.err == nil && err != nil {
		s.err = fmt.Errorf("apply log entry %d: %w", s.index, err)
	}
}

// entry is the ledger's entry of a key for a rule to work on; one that does not
// exist has nothing but its key.
func (s *stage) entry(k model.DeliveryKey) model.Entry {
	if e, ok := s.v.Entry(k); ok {
		return *e
	}
	return model.Entry{Key: k}
}

func (s *stage) putEntry(e model.Entry) {
	e.Changed = s.stamp
	s.mix('e', model.Encode(&e))
	s.fail(s.tx.PutEntry(&e))
	old, had := s.v.entries.Set(&e)
	if had && old.Claim != nil {
		s.v.claims--
	}
	if e.Claim != nil {
		s.v.claims++
	}
	s.change.Keys = append(s.change.Keys, e.Key)
}

// deleteEntry drops an entry without a claim.
func (s *stage) deleteEntry(e *model.Entry) {
	s.mix('E', model.Encode(e.Key))
	s.fail(s.tx.DeleteEntry(e.Key))
	s.v.entries.Delete(e)
	s.v.revFloor = max(s.v.revFloor, e.Rev)
	s.change.Keys = append(s.change.Keys, e.Key)
}

func (s *stage) putSilence(sil model.Silence) {
	sil.Rev = s.index
	s.mix('s', model.Encode(&sil))
	s.fail(s.tx.PutSilence(&sil))
	s.v.silences.Set(&sil)
	s.silencesChanged()
}

func (s *stage) deleteSilence(sil *model.Silence) {
	s.mix('S', []byte(sil.ID))
	s.fail(s.tx.DeleteSilence(sil.ID))
	s.v.silences.Delete(sil)
	s.silencesChanged()
}

func (s *stage) silencesChanged() {
	s.v.silenceRev = s.index
	s.change.Silences = true
}

func (s *stage) putNode(n model.Node) {
	s.mix('n', model.Encode(n))
	s.fail(s.tx.PutNode(n))
	s.v.nodes.Set(n)
	s.change.Nodes = true
}

func (s *stage) deleteNode(n model.Node) {
	s.mix('N', []byte(n.ID))
	s.fail(s.tx.DeleteNode(n.ID))
	s.v.nodes.Delete(n)
	s.change.Nodes = true
}

// addDelivery adds a row to the history. It says what the state machine knows
// better than the sender.
func (s *stage) addDelivery(d model.Delivery) {
	s.v.historySeq++
	d.Seq = s.v.historySeq
	d.Stamp = s.stamp
	d.Error = cut(d.Error, model.MaxErrorBytes)
	s.mix('d', model.Encode(&d))
	s.fail(s.tx.PutDelivery(&d))
}

func (s *stage) deleteDelivery(seq uint64) {
	s.mix('D', binary.BigEndian.AppendUint64(nil, seq))
	s.fail(s.tx.DeleteDelivery(seq))
}

// finish writes what the state says of itself and returns what changed.
func (s *stage) finish() (Change, error) {
	s.fail(s.tx.PutMeta(s.v.meta()))
	s.change.Index = s.v.index
	slices.SortFunc(s.change.Keys, model.DeliveryKey.Compare)
	s.change.Keys = slices.Compact(s.change.Keys)
	return s.change, s.err
}

func (v *View) meta() store.Meta {
	return store.Meta{
		Cluster: v.cluster, Index: v.index, Term: v.term, Hash: v.hash, MinVersion: v.minVersion,
		SilenceRev: v.silenceRev, RevFloor: v.revFloor, HistorySeq: v.historySeq, AuditSeq: v.auditSeq,
	}
}

// load makes a view of what is in the file.
func load(tx *store.Tx) (*View, error) {
	v := newView()
	m, err := tx.Meta()
	if err != nil {
		return nil, err
	}
	v.cluster, v.index, v.term, v.hash, v.minVersion = m.Cluster, m.Index, m.Term, m.Hash, m.MinVersion
	v.silenceRev, v.revFloor, v.historySeq, v.auditSeq = m.SilenceRev, m.RevFloor, m.HistorySeq, m.AuditSeq
	err = each(tx.Entries(), func(e *model.Entry) {
		v.entries.Set(e)
		if e.Claim != nil {
			v.claims++
		}
	})
	if err != nil {
		return nil, err
	}
	if err := each(tx.Silences(), func(sil *model.Silence) { v.silences.Set(sil) }); err != nil {
		return nil, err
	}
	if err := each(tx.Nodes(), func(n *model.Node) { v.nodes.Set(*n) }); err != nil {
		return nil, err
	}
	if err := each(tx.Records(), func(r *model.Record) { v.records.Set(r) }); err != nil {
		return nil, err
	}
	v.recordRev = v.index
	if v.recent, err = loadRecent(tx); err != nil {
		return nil, err
	}
	err = each(tx.Configs(), func(c *model.ConfigVersion) {
		if v.config == nil {
			v.config = c // newest first
		}
		v.configs = append(v.configs, configRef{c.Rev, c.Token})
	})
	slices.Reverse(v.configs)
	return v, err
}

func each[T any](records iter.Seq2[*T, error], do func(*T)) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		do(r)
	}
	return nil
}

// cut is s in at most n bytes, ending with a whole character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
