package alert

import (
	"errors"
	"time"

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
	opts DecoderOptions
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
	return &Decoder{opts: opts}
}

// Decode reads a body. Its error is a *BodyError: the body was refused as a
// whole. Otherwise the valid alerts are in the batch even if others are not.
// Nothing in the batch refers to body's memory.
func (d *Decoder) Decode(body []byte, at Arrival) (Batch, error) {
	return Batch{}, nil
}
