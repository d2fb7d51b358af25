package command

import (
	"errors"
	"fmt"

	"tocsin/fsm/model"
)

// Version is the newest command version that this program understands. A
// program proposes nothing newer than the cluster's minimum version.
const Version = 2

// Bounds of an envelope. What is beyond them is not proposed, and rejected alike
// everywhere if it is in the log all the same.
const (
	// MaxBytes bounds the wire form of an envelope.
	MaxBytes = 8 << 20
	// MaxCommands bounds the commands of an envelope.
	MaxCommands = 4096
	// MaxAlerts bounds a set of alerts: a group beyond it cannot be claimed.
	MaxAlerts = 1 << 18
	// MaxConfigBytes bounds the texts of a configuration version together.
	MaxConfigBytes = 4 << 20
	// MaxSilenceBytes bounds the wire form of a silence.
	MaxSilenceBytes = 1 << 20
	// MaxKeyBytes bounds the parts of a delivery key together.
	MaxKeyBytes = 256 << 10
	// MaxNameBytes bounds names: of nodes, clusters, authors, silence IDs.
	MaxNameBytes = 4 << 10
)

// Envelope is one log entry.
type Envelope struct {
	// Version is what a program must understand to apply it: that of its newest
	// command. Encode takes 0 for that.
	Version uint32
	// Stamp is the leader's wall clock when it was put into the log. Nothing is
	// ordered by it.
	Stamp model.Millis
	// Proposer is the node that asked, for the record.
	Proposer model.NodeID
	Commands []Command
}

// Errors of the wire form.
var (
	// ErrTooNew says that the bytes need a newer program than this one. Who
	// applies them must stop: the others go on.
	ErrTooNew = errors.New("needs a newer version of tocsin")
	// ErrMalformed says that no program wrote the bytes.
	ErrMalformed = errors.New("malformed command")
	// ErrLimit says that something is bigger than the log may carry.
	ErrLimit = errors.New("command beyond the limits")
	// ErrInvalid says that a command cannot mean anything.
	ErrInvalid = errors.New("invalid command")
)

// Encode is the wire form of an envelope: equal envelopes are equal bytes. It
// refuses what Decode would refuse: ErrInvalid, ErrLimit.
func Encode(e Envelope) ([]byte, error) {
	if e.Version == 0 {
		e.Version = Needs(e.Commands...)
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("encode envelope: %w", err)
	}
	b := model.Encode(e)
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("encode envelope of %d bytes: %w", len(b), ErrLimit)
	}
	return b, nil
}

// Decode reads what Encode wrote. The envelope does not share memory with b.
// Errors: ErrTooNew, ErrMalformed, ErrInvalid, ErrLimit.
func Decode(b []byte) (Envelope, error) {
	if len(b) > MaxBytes {
		return Envelope{}, fmt.Errorf("decode envelope of %d bytes: %w", len(b), ErrLimit)
	}
	var e Envelope
	if err := model.Decode(b, &e); err != nil {
		return Envelope{}, fmt.Errorf("decode envelope: %w", classify(err))
	}
	if err := e.check(); err != nil {
		return Envelope{}, fmt.Errorf("decode envelope: %w", err)
	}
	return e, nil
}

// classify gives every error of reading one of this package's sentinels.
func classify(err error) error {
	switch {
	case errors.Is(err, ErrTooNew), errors.Is(err, ErrMalformed), errors.Is(err, ErrLimit):
		return err
	case errors.Is(err, model.ErrWireUnknown):
		return fmt.Errorf("%w: %w", err, ErrTooNew)
	default:
		return fmt.Errorf("%w: %w", err, ErrMalformed)
	}
}

// WriteWire writes e as a message.
func (e Envelope) WriteWire(w *model.WireWriter) {
	w.Uint(1, uint64(e.Version))
	w.Int(2, int64(e.Stamp))
	w.Text(3, string(e.Proposer))
	for _, c := range e.Commands {
		writeCommand(w, 4, c)
	}
}

func writeCommand(w *model.WireWriter, field int, c Command) {
	w.Message(field, func(w *model.WireWriter) {
		w.Uint(1, uint64(c.Kind()))
		w.Message(2, c.WriteWire)
	})
}

// ReadWire reads what WriteWire wrote. The version is looked at first, before
// anything that a newer one may have changed.
func (e *Envelope) ReadWire(r *model.WireReader) {
	for r.Next() {
		if e.Version == 0 && r.Field() != 1 {
			r.Fail(ErrMalformed)
			return
		}
		switch r.Field() {
		case 1:
			if e.Version = r.Uint32(); e.Version > Version {
				r.Fail(fmt.Errorf("envelope of version %d: %w", e.Version, ErrTooNew))
			}
		case 2:
			e.Stamp = r.Millis()
		case 3:
			e.Proposer = model.NodeID(r.Text())
		case 4:
			if len(e.Commands) == MaxCommands {
				r.Fail(ErrLimit)
				return
			}
			if c := readCommand(r, read); c != nil {
				e.Commands = append(e.Commands, c)
			}
		default:
			r.Unknown()
		}
	}
}

func readCommand(r *model.WireReader, read func(Kind, []byte) (Command, error)) (c Command) {
	var kind Kind
	r.Message(func(r *model.WireReader) {
		for r.Next() {
			switch r.Field() {
			case 1:
				kind = Kind(r.Uint8())
			case 2:
				var err error
				if c, err = read(kind, r.Raw()); err != nil {
					r.Fail(err)
				}
			default:
				r.Unknown()
			}
		}
		if r.Err() == nil && c == nil {
			r.Fail(ErrMalformed)
		}
	})
	return c
}
