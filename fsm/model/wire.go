package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// WireWriter writes a message in the wire form of protocol buffers. There is
// one such form for the log, the files and the gossip. It is canonical: fields
// ascend, a field that is zero is left out, so that equal values are equal
// bytes on every node. The zero value is an empty message.
type WireWriter struct{ buf []byte }

// Bytes is the message so far.
func (w *WireWriter) Bytes() []byte { return w.buf }

// Uint writes an unsigned number.
func (w *WireWriter) Uint(field int, v uint64) {
	if v != 0 {
		w.tag(field, protowire.VarintType)
		w.buf = protowire.AppendVarint(w.buf, v)
	}
}

// Int writes a signed number.
func (w *WireWriter) Int(field int, v int64) { w.Uint(field, protowire.EncodeZigZag(v)) }

// Bool writes a truth.
func (w *WireWriter) Bool(field int, v bool) { w.Uint(field, protowire.EncodeBool(v)) }

// Float writes a floating-point number by its bits.
func (w *WireWriter) Float(field int, v float64) { w.Fixed(field, math.Float64bits(v)) }

// Fixed writes eight bytes.
func (w *WireWriter) Fixed(field int, v uint64) {
	if v != 0 {
		w.tag(field, protowire.Fixed64Type)
		w.buf = protowire.AppendFixed64(w.buf, v)
	}
}

// Text writes a string.
func (w *WireWriter) Text(field int, v string) {
	if v != "" {
		w.tag(field, protowire.BytesType)
		w.buf = protowire.AppendString(w.buf, v)
	}
}

// Blob writes bytes.
func (w *WireWriter) Blob(field int, v []byte) {
	if len(v) != 0 {
		w.item(field, v)
	}
}

// Token writes a token.
func (w *WireWriter) Token(field int, v Token) {
	if !v.IsZero() {
		w.item(field, v[:])
	}
}

// Set writes a set of alerts, eight bytes a member.
func (w *WireWriter) Set(field int, s AlertSet) {
	if len(s) == 0 {
		return
	}
	w.tag(field, protowire.BytesType)
	w.buf = protowire.AppendVarint(w.buf, uint64(len(s))*8)
	for _, h := range s {
		w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(h))
	}
}

// Message writes a message inside this one, even if it is empty: it may be one
// of several under the same field.
func (w *WireWriter) Message(field int, fill func(*WireWriter)) {
	var in WireWriter
	fill(&in)
	w.item(field, in.buf)
}

func (w *WireWriter) item(field int, v []byte) {
	w.tag(field, protowire.BytesType)
	w.buf = protowire.AppendBytes(w.buf, v)
}

func (w *WireWriter) tag(field int, t protowire.Type) {
	w.buf = protowire.AppendTag(w.buf, protowire.Number(field), t)
}

// Errors of reading a message.
var (
	// ErrWire says that bytes are not a message as WireWriter writes it.
	ErrWire = errors.New("not a well-formed message")
	// ErrWireUnknown says that a message has a field that this program does
	// not know: a newer one wrote it.
	ErrWireUnknown = errors.New("message of a newer program")
)

// WireReader reads what WireWriter wrote, field by field:
//
//	for r.Next() {
//		switch r.Field() {
//		case 1: x.A = r.Uint()
//		default: r.Unknown()
//		}
//	}
//	return r.Err()
//
// Each field must be read exactly once. The first error ends it. What it
// returns does not share memory with the bytes that are read, but for Raw.
type WireReader struct {
	rest  []byte
	field int
	typ   protowire.Type
	err   error
}

// NewWireReader reads b, which must not change meanwhile.
func NewWireReader(b []byte) *WireReader { return &WireReader{rest: b} }

// Next goes to the next field and reports whether there is one.
func (r *WireReader) Next() bool {
	if r.err != nil || len(r.rest) == 0 {
		return false
	}
	num, typ, n := protowire.ConsumeTag(r.rest)
	if n < 0 || int(num) < r.field {
		r.Fail(ErrWire)
		return false
	}
	r.rest, r.field, r.typ = r.rest[n:], int(num), typ
	return true
}

// Field is the number of the field that Next went to.
func (r *WireReader) Field() int { return r.field }

// Err is what ended the reading, nil at the end of the message.
func (r *WireReader) Err() error { return r.err }

// Fail ends the reading with an error about the present field.
func (r *WireReader) Fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("read field %d: %w", r.field, err)
	}
}

// Unknown ends the reading because the present field is not known.
func (r *WireReader) Unknown() { r.Fail(ErrWireUnknown) }

// Uint reads what WireWriter.Uint wrote.
func (r *WireReader) Uint() uint64 {
	if !r.is(protowire.VarintType) {
		return 0
	}
	v, n := protowire.ConsumeVarint(r.rest)
	r.took(n)
	return v
}

// Uint32 reads a number of at most 32 bits.
func (r *WireReader) Uint32() uint32 { return uint32(r.atMost(math.MaxUint32)) }

// Uint8 reads a number of at most 8 bits.
func (r *WireReader) Uint8() uint8 { return uint8(r.atMost(math.MaxUint8)) }

func (r *WireReader) atMost(limit uint64) uint64 {
	v := r.Uint()
	if v > limit {
		r.Fail(ErrWire)
		return 0
	}
	return v
}

// Int reads what WireWriter.Int wrote.
func (r *WireReader) Int() int64 { return protowire.DecodeZigZag(r.Uint()) }

// Millis reads a point in time.
func (r *WireReader) Millis() Millis { return Millis(r.Int()) }

// Bool reads what WireWriter.Bool wrote.
func (r *WireReader) Bool() bool { return r.atMost(1) == 1 }

// Fixed reads what WireWriter.Fixed wrote.
func (r *WireReader) Fixed() uint64 {
	if !r.is(protowire.Fixed64Type) {
		return 0
	}
	v, n := protowire.ConsumeFixed64(r.rest)
	r.took(n)
	return v
}

// Float reads what WireWriter.Float wrote.
func (r *WireReader) Float() float64 { return math.Float64frombits(r.Fixed()) }

// Text reads what WireWriter.Text wrote.
func (r *WireReader) Text() string { return string(r.Raw()) }

// Blob reads what WireWriter.Blob wrote.
func (r *WireReader) Blob() []byte { return append([]byte(nil), r.Raw()...) }

// Raw reads bytes, or the bytes of a message, without copying them.
func (r *WireReader) Raw() []byte {
	if !r.is(protowire.BytesType) {
		return nil
	}
	v, n := protowire.ConsumeBytes(r.rest)
	if !r.took(n) {
		return nil
	}
	return v
}

// Token reads what WireWriter.Token wrote.
func (r *WireReader) Token() Token {
	b := r.Raw()
	if len(b) != len(Token{}) {
		r.Fail(ErrWire)
		return Token{}
	}
	return Token(b)
}

// Set reads what WireWriter.Set wrote.
func (r *WireReader) Set() AlertSet {
	b := r.Raw()
	if len(b) == 0 || len(b)%8 != 0 {
		r.Fail(ErrWire)
		return nil
	}
	s := make(AlertSet, 0, len(b)/8)
	for ; len(b) > 0; b = b[8:] {
		h := AlertHash(binary.LittleEndian.Uint64(b))
		if len(s) > 0 && h <= s[len(s)-1] {
			r.Fail(ErrWire)
			return nil
		}
		s = append(s, h)
	}
	return s
}

// Message reads what WireWriter.Message wrote.
func (r *WireReader) Message(read func(*WireReader)) {
	b := r.Raw()
	if r.err != nil {
		return
	}
	in := NewWireReader(b)
	read(in)
	if err := in.Err(); err != nil {
		r.Fail(err)
	}
}

func (r *WireReader) is(t protowire.Type) bool {
	if r.err == nil && r.typ != t {
		r.Fail(ErrWire)
	}
	return r.err == nil
}

func (r *WireReader) took(n int) bool {
	if n < 0 {
		r.Fail(ErrWire)
		return false
	}
	r.rest = r.rest[n:]
	return true
}

// Encode is the wire form of a value.
func Encode(v interface{ WriteWire(w *WireWriter) }) []byte {
	var w WireWriter
	v.WriteWire(&w)
	return w.Bytes()
}

// Decode reads the wire form of a value into v, which must be zero before.
func Decode(b []byte, v interface{ ReadWire(r *WireReader) }) error {
	r := NewWireReader(b)
	v.ReadWire(r)
	return r.Err()
}
