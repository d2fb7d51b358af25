package alert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"unique"

	"github.com/go-json-experiment/json/jsontext"
)

// reader takes a body apart, one alert at a time. It belongs to one call of
// Decode and is used again by later ones.
type reader struct {
	src  bytes.Buffer
	json *jsontext.Decoder
	// The rest is the alert that was read last.
	labels, notes    pairs
	hasLabels        bool
	startsAt, endsAt int64
	generator        []byte
	// text and packed are room for one string and for packed annotations.
	text, packed []byte
}

// maxKept bounds the room that a reader keeps for later bodies, in bytes a
// buffer.
const maxKept = 64 << 10

func newReader() *reader {
	r := &reader{}
	r.json = jsontext.NewDecoder(&r.src)
	return r
}

func (r *reader) open(body []byte) {
	r.src = *bytes.NewBuffer(body)
	r.json.Reset(&r.src, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// close lets go of the body and of room that was unusually large.
func (r *reader) close() {
	r.src = bytes.Buffer{}
	r.json.Reset(&r.src)
	if cap(r.labels.text)+cap(r.notes.text)+cap(r.generator)+cap(r.text)+cap(r.packed) > maxKept {
		*r = reader{json: r.json}
	}
}

// readAlert reads the next element of the array. As with Go's encoding/json,
// names match in any case, unknown ones are skipped, and of a name that repeats
// the last counts, except that the contents of objects add up.
func (r *reader) readAlert() error {
	r.labels.reset()
	r.notes.reset()
	r.hasLabels, r.startsAt, r.endsAt, r.generator = false, 0, 0, r.generator[:0]
	if r.json.PeekKind() != jsontext.KindBeginObject {
		return r.unexpected("an alert")
	}
	if err := r.next(); err != nil {
		return err
	}
	for r.json.PeekKind() != jsontext.KindEndObject {
		if err := r.readField(); err != nil {
			return err
		}
	}
	return r.next()
}

func (r *reader) readField() error {
	name, err := r.readName()
	if err != nil {
		return err
	}
	switch fieldOf(name) {
	case fieldLabels:
		r.hasLabels = r.json.PeekKind() != jsontext.KindNull
		return r.readPairs(&r.labels)
	case fieldAnnotations:
		return r.readPairs(&r.notes)
	case fieldStartsAt:
		return r.readTime(&r.startsAt)
	case fieldEndsAt:
		return r.readTime(&r.endsAt)
	case fieldGenerator:
		r.generator, err = r.readString(r.generator[:0], "a URL")
		return err
	default:
		return r.skip()
	}
}

func (r *reader) readPairs(p *pairs) error {
	switch r.json.PeekKind() {
	case jsontext.KindBeginObject:
	case jsontext.KindNull:
		p.reset()
		return r.skip()
	default:
		return r.unexpected("an object of strings")
	}
	if err := r.next(); err != nil {
		return err
	}
	for r.json.PeekKind() != jsontext.KindEndObject {
		start := len(p.text)
		raw, err := r.json.ReadValue()
		if err != nil {
			return r.failed(err)
		}
		p.text = append(unquote(p.text, raw), separator)
		middle := len(p.text)
		if p.text, err = r.readString(p.text, "a string"); err != nil {
			return err
		}
		p.text = append(p.text, separator)
		p.add(start, middle)
	}
	return r.next()
}

func (r *reader) readTime(t *int64) error {
	if r.json.PeekKind() == jsontext.KindNull {
		return r.skip()
	}
	offset := r.json.InputOffset()
	text, err := r.readString(r.text[:0], "a time")
	if err != nil {
		return err
	}
	r.text = text
	ns, err := parseTime(text)
	if err != nil {
		return parseError(offset, err)
	}
	*t = ns
	return nil
}

// readString adds the next value to dst; null is the empty string. Bytes that
// are not UTF-8 become U+FFFD.
func (r *reader) readString(dst []byte, want string) ([]byte, error) {
	switch r.json.PeekKind() {
	case jsontext.KindString:
	case jsontext.KindNull:
		return dst, r.skip()
	default:
		return dst, r.unexpected(want)
	}
	raw, err := r.json.ReadValue()
	if err != nil {
		return dst, r.failed(err)
	}
	return unquote(dst, raw), nil
}

// readName is the next name of an object. It is valid until the next read.
func (r *reader) readName() ([]byte, error) {
	raw, err := r.json.ReadValue()
	if err != nil {
		return nil, r.failed(err)
	}
	r.text = unquote(r.text[:0], raw)
	return r.text, nil
}

// unquote adds the text of a JSON string to dst. The syntax was checked when
// raw was read; the error that AppendUnquote still has tells of what it
// replaced by U+FFFD, which is what we want.
func unquote(dst []byte, raw jsontext.Value) []byte {
	dst, _ = jsontext.AppendUnquote(dst, raw)
	return dst
}

// next takes a delimiter that was peeked at. It fails if the delimiter may not
// stand there, as behind a comma.
func (r *reader) next() error {
	if _, err := r.json.ReadToken(); err != nil {
		return r.failed(err)
	}
	return nil
}

func (r *reader) skip() error {
	if err := r.json.SkipValue(); err != nil {
		return r.failed(err)
	}
	return nil
}

// unexpected is the error for a value of the wrong type; if there is none that
// is whole, the syntax error.
func (r *reader) unexpected(want string) error {
	offset, where, kind := r.json.InputOffset(), r.json.StackPointer(), r.json.PeekKind()
	if err := r.json.SkipValue(); err != nil {
		return r.failed(err)
	}
	if p := r.json.StackPointer(); p != "" {
		where = p
	}
	return parseError(offset, fmt.Errorf("%s at %q after offset %d is not %s", kindName(kind), where, offset, want))
}

// failed is the refusal for an error of the JSON decoder. A body without any
// value is as good as none.
func (r *reader) failed(err error) error {
	if errors.Is(err, io.EOF) && r.json.StackDepth() == 0 {
		return requiredError("alerts")
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return parseError(syntax.ByteOffset, err)
	}
	return parseError(r.json.InputOffset(), err)
}

// check finds what the API's schema does not allow in alert number i. What the
// store knows was checked before.
func (r *reader) check(i int, known *Alert) *BodyError {
	familiar := known != nil && known.Generator() == string(r.generator)
	if len(r.generator) > 0 && !familiar && !isURI(r.generator) {
		return &BodyError{
			Code: CodeFormat, Offset: -1,
			message: fmt.Sprintf("%d.generatorURL in body must be of type uri: %q", i, r.generator),
		}
	}
	if !r.hasLabels {
		return requiredError(strconv.Itoa(i) + ".labels")
	}
	return nil
}

// isURI is the test of the API's format "uri": a request URI once the fragment
// is off.
func isURI(b []byte) bool {
	b, _, _ = bytes.Cut(b, []byte{'#'})
	_, err := url.ParseRequestURI(string(b))
	return err == nil
}

func (r *reader) generatorSymbol(known *Alert) Symbol {
	if known != nil && known.Generator() == string(r.generator) {
		return known.GeneratorURL
	}
	return unique.Make(string(r.generator))
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a boolean"
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	default:
		return "an array"
	}
}
