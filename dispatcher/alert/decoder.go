package alert

import (
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"tocsin/fsm/model"
)

// Known finds the record of a label set that is in a store already. *Store is
// one.
type Known interface {
	Get(hash model.AlertHash) (*Record, bool)
}

// DecoderOptions says how a Decoder behaves.
type DecoderOptions struct {
	// Known is asked for labels that are interned already; nil for none.
	Known Known
	// ValidName says which label and annotation names are allowed; nil allows
	// every non-empty valid UTF-8.
	ValidName func(string) bool
	// MaxBytes bounds a body; 64 MiB if it is not positive.
	MaxBytes int
}

// Decoder reads bodies of POST /api/v2/alerts. It is safe for concurrent use.
type Decoder struct {
	opts    DecoderOptions
	scratch sync.Pool
}

// Arrival says when a body came and what holds for it.
type Arrival struct {
	// Now becomes the alerts' UpdatedAt.
	Now time.Time
	// ResolveTimeout is how long after Now an alert without an end is over.
	ResolveTimeout time.Duration
}

// Batch is what a body holds.
type Batch struct {
	// Alerts are the valid ones, in the body's order.
	Alerts []Alert
	// Invalid says what is wrong with each of the others, in the body's order.
	Invalid []error
	// Firing and Resolved count all alerts of the body, invalid ones too.
	Firing, Resolved int
}

// Err is all that is wrong with the invalid alerts, one a line, or nil.
func (b *Batch) Err() error { return errors.Join(b.Invalid...) }

// NewDecoder makes a decoder.
func NewDecoder(opts DecoderOptions) *Decoder {
	if opts.MaxBytes <= 0 {
		opts.MaxBytes = 64 << 20
	}
	if opts.ValidName == nil {
		opts.ValidName = func(s string) bool { return s != "" && utf8.ValidString(s) }
	}
	d := &Decoder{opts: opts}
	d.scratch.New = func() any { return newReader() }
	return d
}

// Decode reads a body. Its error is a *BodyError: the body was refused as a
// whole. Otherwise the valid alerts are in the batch even if others are not.
// Nothing in the batch refers to body's memory. As in Alertmanager, what stands
// behind the array is not looked at.
func (d *Decoder) Decode(body []byte, at Arrival) (Batch, error) {
	if len(body) > d.opts.MaxBytes {
		return Batch{}, &BodyError{
			Code: CodeTooLarge, Offset: -1,
			message: fmt.Sprintf("alerts in body are larger than %d bytes", d.opts.MaxBytes),
		}
	}
	r := d.scratch.Get().(*reader)
	r.open(body)
	defer func() {
		r.close()
		d.scratch.Put(r)
	}()
	b := Batch{Alerts: make([]Alert, 0, len(body)/typicalAlertBytes+1)}
	if err := d.decodeArray(r, at, &b); err != nil {
		return Batch{}, err
	}
	return b, nil
}

// typicalAlertBytes is a low guess of an alert's size in a body; it only saves
// growing the batch.
const typicalAlertBytes = 600

func (d *Decoder) decodeArray(r *reader, at Arrival, b *Batch) error {
	switch r.json.PeekKind() {
	case jsontext.KindBeginArray:
	case jsontext.KindNull:
		return r.skip()
	default:
		return r.unexpected("an array of alerts")
	}
	if err := r.next(); err != nil {
		return err
	}
	// A text that is no JSON is reported before a field that is not as the API
	// wants it, wherever in the body they are.
	var refused *BodyError
	for i := 0; r.json.PeekKind() != jsontext.KindEndArray; i++ {
		if err := r.readAlert(); err != nil {
			return err
		}
		known := d.identify(r)
		if err := r.check(i, known); err != nil && refused == nil {
			refused = err
		}
		if refused == nil {
			d.take(r, known, at, b)
		}
	}
	if err := r.next(); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

// take makes the alert that r has read valid, or finds out what is wrong with
// it.
func (d *Decoder) take(r *reader, known *Alert, at Arrival, b *Batch) {
	a := Alert{StartsAt: r.startsAt, EndsAt: r.endsAt, UpdatedAt: at.Now.UnixNano()}
	if a.StartsAt == 0 {
		a.StartsAt = a.EndsAt
	}
	if a.StartsAt == 0 {
		a.StartsAt = a.UpdatedAt
	}
	if a.EndsAt == 0 {
		a.Timeout = true
		a.EndsAt = Nanos(at.Now.Add(at.ResolveTimeout))
	}
	if a.resolvedAt(a.UpdatedAt) {
		b.Resolved++
	} else {
		b.Firing++
	}
	if err := d.complete(r, known, &a); err != nil {
		b.Invalid = append(b.Invalid, err)
		return
	}
	b.Alerts = append(b.Alerts, a)
}

// complete fills in the texts, in the order in which Alertmanager validates.
func (d *Decoder) complete(r *reader, known, a *Alert) error {
	if a.EndsAt < a.StartsAt {
		return errors.New("start time must be before end time")
	}
	if r.labels.len() == 0 {
		return errors.New("at least one label pair required")
	}
	if known == nil {
		if err := r.labels.validate(d.opts.ValidName); err != nil {
			return fmt.Errorf("invalid label set: %w", err)
		}
		a.Labels, a.Fingerprint, a.Hash = r.labels.intern(), r.labels.fingerprint(), r.labels.hash()
	} else {
		a.Labels, a.Fingerprint, a.Hash = known.Labels, known.Fingerprint, known.Hash
	}
	r.notes.normalize(keepEmpty)
	r.packed = r.notes.pack(r.packed[:0])
	if known != nil && known.Annotations.packed == string(r.packed) {
		a.Annotations = known.Annotations
	} else {
		if err := r.notes.validate(d.opts.ValidName); err != nil {
			return fmt.Errorf("invalid annotations: %w", err)
		}
		a.Annotations = Annotations{packed: string(r.packed)}
	}
	a.GeneratorURL = r.generatorSymbol(known)
	return nil
}

// identify is the alert in the store whose labels r has read, or nil. The labels
// are compared, so that an equal hash alone does not count.
func (d *Decoder) identify(r *reader) *Alert {
	r.labels.normalize(dropEmpty)
	if d.opts.Known == nil {
		return nil
	}
	rec, ok := d.opts.Known.Get(r.labels.hash())
	if !ok {
		return nil
	}
	if a := rec.Load(); r.labels.equal(a.Labels) {
		return a
	}
	return nil
}
