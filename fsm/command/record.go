package command

import (
	"fmt"

	"tocsin/fsm/model"
)

// PutRecord creates a record or changes one. A record that has the body already
// is left as it is, whatever the change was based on: so it may be repeated.
type PutRecord struct {
	// Record is the record's kind; Name names it within the kind.
	Record model.RecordKind
	Name   string
	// BaseRev is the Rev that was changed; 0 = it must not exist, model.AnyRev
	// = whatever is there.
	BaseRev uint64
	// Body is at most model.MaxRecordBytes.
	Body []byte
}

// DropRecord drops a record; one that is gone is gone.
type DropRecord struct {
	Record model.RecordKind
	Name   string
	// BaseRev is the Rev that was seen; model.AnyRev = whatever is there.
	BaseRev uint64
}

// Kind is KindPutRecord.
func (PutRecord) Kind() Kind { return KindPutRecord }

// Kind is KindDropRecord.
func (DropRecord) Kind() Kind { return KindDropRecord }

// WriteWire writes c as a message.
func (c PutRecord) WriteWire(w *model.WireWriter) {
	w.Uint(1, uint64(c.Record))
	w.Text(2, c.Name)
	w.Uint(3, c.BaseRev)
	w.Blob(4, c.Body)
}

// WriteWire writes c as a message.
func (c DropRecord) WriteWire(w *model.WireWriter) {
	w.Uint(1, uint64(c.Record))
	w.Text(2, c.Name)
	w.Uint(3, c.BaseRev)
}

func readPutRecord(r *model.WireReader) Command {
	var c PutRecord
	for r.Next() {
		switch r.Field() {
		case 1:
			c.Record = model.RecordKind(r.Uint8())
		case 2:
			c.Name = r.Text()
		case 3:
			c.BaseRev = r.Uint()
		case 4:
			c.Body = r.Blob()
		default:
			r.Unknown()
		}
	}
	return c
}

func readDropRecord(r *model.WireReader) Command {
	var c DropRecord
	for r.Next() {
		switch r.Field() {
		case 1:
			c.Record = model.RecordKind(r.Uint8())
		case 2:
			c.Name = r.Text()
		case 3:
			c.BaseRev = r.Uint()
		default:
			r.Unknown()
		}
	}
	return c
}

// maxRecordNameBytes keeps the key of a record within what a file can hold.
const maxRecordNameBytes = 1024

func (c PutRecord) check() error {
	if len(c.Body) > model.MaxRecordBytes {
		return fmt.Errorf("record of %d bytes: %w", len(c.Body), ErrLimit)
	}
	return record(c.Record, c.Name)
}

func (c DropRecord) check() error {
	if c.BaseRev == 0 {
		return fmt.Errorf("no revision to drop: %w", ErrInvalid)
	}
	return record(c.Record, c.Name)
}

func record(k model.RecordKind, n string) error {
	switch {
	case k == 0:
		return fmt.Errorf("no kind of record: %w", ErrInvalid)
	case len(n) > maxRecordNameBytes:
		return fmt.Errorf("record name of %d bytes: %w", len(n), ErrLimit)
	}
	return name("record name", n, false)
}
