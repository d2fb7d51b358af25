package fsm

import (
	"bytes"
	"iter"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

func recordLess(a, b *model.Record) bool {
	if a.Kind != b.Kind {
		return a.Kind < b.Kind
	}
	return a.Name < b.Name
}

// Record is the record of a kind and a name. Its body is shared.
func (v *View) Record(k model.RecordKind, name string) (model.Record, bool) {
	r, ok := v.records.Get(&model.Record{Kind: k, Name: name})
	if !ok {
		return model.Record{}, false
	}
	return *r, true
}

// Records are the records of a kind, by name. Their bodies are shared.
func (v *View) Records(k model.RecordKind) iter.Seq[model.Record] {
	return func(yield func(model.Record) bool) {
		v.records.Ascend(&model.Record{Kind: k}, func(r *model.Record) bool {
			return r.Kind == k && yield(*r)
		})
	}
}

// RecordRev is the log index of the last change of any record, or of when the state
// was read from the file: while it is the same, so are all of them.
func (v *View) RecordRev() uint64 { return v.recordRev }

// RecordCount is how many records of a kind there are.
func (v *View) RecordCount(k model.RecordKind) int {
	n := 0
	for range v.Records(k) {
		n++
	}
	return n
}

// setRecord creates or changes a record. What the state already says is done,
// whatever it was based on: so a proposal may be repeated.
func (s *stage) setRecord(c command.PutRecord) command.Result {
	old, exists := s.v.Record(c.Record, c.Name)
	switch {
	case exists && bytes.Equal(old.Body, c.Body):
		return command.Result{Code: command.CodeOK, Rev: old.Rev}
	case exists && c.BaseRev != model.AnyRev && c.BaseRev != old.Rev:
		return command.Result{Code: command.CodeConflict, Rev: old.Rev, Detail: "the record has changed"}
	case !exists && c.BaseRev != model.AnyRev && c.BaseRev != 0:
		return command.Result{Code: command.CodeNotFound, Detail: "there is no such record"}
	case !exists && s.v.RecordCount(c.Record) >= model.MaxRecords:
		return command.Result{Code: command.CodeLimit, Detail: "there are too many records of this kind"}
	}
	s.putRecord(model.Record{Kind: c.Record, Name: c.Name, Body: c.Body})
	return command.Result{Code: command.CodeOK, Rev: s.index}
}

// dropRecord drops a record; one that is gone is gone.
func (s *stage) dropRecord(c command.DropRecord) command.Result {
	old, exists := s.v.Record(c.Record, c.Name)
	if exists && c.BaseRev != model.AnyRev && c.BaseRev != old.Rev {
		return command.Result{Code: command.CodeConflict, Rev: old.Rev, Detail: "the record has changed"}
	}
	if exists {
		s.deleteRecord(old)
	}
	return command.Result{Code: command.CodeOK}
}

func (s *stage) putRecord(r model.Record) {
	r.Rev, r.Stamp = s.index, s.stamp
	s.mix('r', model.Encode(&r))
	s.fail(s.tx.PutRecord(&r))
	s.v.records.Set(&r)
	s.recordsChanged()
}

func (s *stage) deleteRecord(r model.Record) {
	s.mix('R', model.Encode(&model.Record{Kind: r.Kind, Name: r.Name}))
	s.fail(s.tx.DeleteRecord(r.Kind, r.Name))
	s.v.records.Delete(&r)
	s.recordsChanged()
}

func (s *stage) recordsChanged() {
	s.v.recordRev = s.index
	s.change.Records = true
}
