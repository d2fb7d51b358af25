package command

import (
	"fmt"

	"tocsin/fsm/model"
)

// Code says what became of a command.
type Code uint8

// The codes. Everything but CodeOK changed nothing.
const (
	// CodeOK: it is done, or it was done before.
	CodeOK Code = iota + 1
	// CodeDenied: a claim was not granted; Grant says why.
	CodeDenied
	// CodeConflict: the state is not the one that the command was made for.
	// Rev is the present revision.
	CodeConflict
	// CodeNotFound: there is no such thing.
	CodeNotFound
	// CodeLimit: there are too many already.
	CodeLimit
	// CodeInvalid: the command cannot mean anything; Detail says why.
	CodeInvalid
	// CodeSkipped: the log entry is not newer than the state, and its outcome
	// is in there.
	CodeSkipped
)

// String is one word, for logs and metrics.
func (c Code) String() string {
	names := [...]string{"none", "ok", "denied", "conflict", "not_found", "limit", "invalid", "skipped"}
	if int(c) >= len(names) {
		return "unknown"
	}
	return names[c]
}

// Result is the answer to one command.
type Result struct {
	Code Code
	// Rev is the revision of what the command was about, after it: of the
	// ledger entry, the silence, or the configuration.
	Rev uint64
	// Index is the log index at which it was decided.
	Index uint64
	// Grant is the answer to a claim.
	Grant model.Grant
	// Detail says more, for people.
	Detail string
}

// Done reports whether the command's effect is in the state.
func (r Result) Done() bool { return r.Code == CodeOK }

// EncodeResults is the wire form of results, for a node that forwards.
func EncodeResults(rs []Result) []byte {
	var w model.WireWriter
	for i := range rs {
		w.Message(1, rs[i].WriteWire)
	}
	return w.Bytes()
}

// DecodeResults reads what EncodeResults wrote. Errors: ErrTooNew, ErrMalformed.
func DecodeResults(b []byte) ([]Result, error) {
	var rs []Result
	r := model.NewWireReader(b)
	for r.Next() {
		if r.Field() != 1 {
			r.Unknown()
			break
		}
		var res Result
		r.Message(res.ReadWire)
		rs = append(rs, res)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("decode results: %w", classify(err))
	}
	return rs, nil
}

// WriteWire writes r as a message.
func (r Result) WriteWire(w *model.WireWriter) {
	w.Uint(1, uint64(r.Code))
	w.Uint(2, r.Rev)
	w.Uint(3, r.Index)
	if r.Grant != (model.Grant{}) {
		w.Message(4, r.Grant.WriteWire)
	}
	w.Text(5, r.Detail)
}

// ReadWire reads what WriteWire wrote.
func (r *Result) ReadWire(rd *model.WireReader) {
	for rd.Next() {
		switch rd.Field() {
		case 1:
			r.Code = Code(rd.Uint8())
		case 2:
			r.Rev = rd.Uint()
		case 3:
			r.Index = rd.Uint()
		case 4:
			rd.Message(r.Grant.ReadWire)
		case 5:
			r.Detail = rd.Text()
		default:
			rd.Unknown()
		}
	}
}
