package model

import "math"

// Record is a small document that the cluster keeps: a certificate authority, an
// API token, a setting. What its body means belongs to the package that owns the
// kind; the body may be secret, so it is never logged, shown or compared in
// anything that people read.
type Record struct {
	Kind RecordKind
	// Name is unique within the kind.
	Name string
	// Rev is the log index of the last change.
	Rev uint64
	// Stamp is the leader's wall clock at that change.
	Stamp Millis
	// Body is at most MaxRecordBytes. It is shared: copy before changing.
	Body []byte
}

// Bounds of records.
const (
	// MaxRecordBytes bounds the body of a record.
	MaxRecordBytes = 64 << 10
	// MaxRecords bounds the records of one kind.
	MaxRecords = 4096
)

// AnyRev as the base of a change says that any revision, or none, may be there
// now.
const AnyRev uint64 = math.MaxUint64

// RecordKind says whose record it is. Numbers are never used again.
type RecordKind uint8

// The kinds.
const (
	// RecordPKI: the certificate authority and the keys of the gossip.
	RecordPKI RecordKind = iota + 1
	// RecordJoinToken: what lets a node join.
	RecordJoinToken
	// RecordAPIToken: what lets a program or a person use the HTTP API.
	RecordAPIToken
	// RecordAutopilot: how the cluster tends its members.
	RecordAutopilot
	// RecordBackup: what is backed up when.
	RecordBackup
	// RecordPolicy: what the whole cluster allows.
	RecordPolicy
)

// String is one word, for logs and the audit.
func (k RecordKind) String() string {
	names := [...]string{"", "pki", "join_token", "api_token", "autopilot", "backup", "policy"}
	if k == 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// WriteWire writes r as a message.
func (r *Record) WriteWire(w *WireWriter) {
	w.Uint(1, uint64(r.Kind))
	w.Text(2, r.Name)
	w.Uint(3, r.Rev)
	w.Int(4, int64(r.Stamp))
	w.Blob(5, r.Body)
}

// ReadWire reads what WriteWire wrote.
func (r *Record) ReadWire(rd *WireReader) {
	for rd.Next() {
		switch rd.Field() {
		case 1:
			r.Kind = RecordKind(rd.Uint8())
		case 2:
			r.Name = rd.Text()
		case 3:
			r.Rev = rd.Uint()
		case 4:
			r.Stamp = rd.Millis()
		case 5:
			r.Body = rd.Blob()
		default:
			rd.Unknown()
		}
	}
}
