package store

import (
	"errors"
	"iter"

	"tocsin/fsm/model"
)

// PutRecord writes a record.
func (t *Tx) PutRecord(r *model.Record) error {
	return errors.Join(
		raiseSchema(t.tx, schemaRecords),
		t.put(bucketRecords, recordKey(r.Kind, r.Name), model.Encode(r)),
	)
}

// DeleteRecord drops a record.
func (t *Tx) DeleteRecord(k model.RecordKind, name string) error {
	return t.tx.Bucket(bucketRecords).Delete(recordKey(k, name))
}

// Records are all records, by kind, then by name.
func (t *Tx) Records() iter.Seq2[*model.Record, error] {
	return ascend[model.Record](t, bucketRecords)
}

// PutAudit writes a row of the audit under its Seq.
func (t *Tx) PutAudit(a *model.AuditRow) error {
	return errors.Join(
		raiseSchema(t.tx, schemaRecords),
		t.put(bucketAudit, number(a.Seq), model.Encode(a)),
	)
}

// Audit are the rows of the audit with a Seq below before, newest first; 0 = all.
func (t *Tx) Audit(before uint64) iter.Seq2[*model.AuditRow, error] {
	if before == 0 {
		return descend[model.AuditRow](t, bucketAudit, nil)
	}
	return descend[model.AuditRow](t, bucketAudit, number(before))
}

// FirstAudit is the Seq of the oldest row of the audit, 0 if there is none.
func (t *Tx) FirstAudit() uint64 {
	k, _ := t.tx.Bucket(bucketAudit).Cursor().First()
	if k == nil {
		return 0
	}
	return numberOf(k)
}

// DeleteAudit drops a row of the audit.
func (t *Tx) DeleteAudit(seq uint64) error {
	return t.tx.Bucket(bucketAudit).Delete(number(seq))
}

func recordKey(k model.RecordKind, name string) []byte {
	return append([]byte{byte(k)}, name...)
}
