package command

import (
	"errors"
	"fmt"

	"tocsin/fsm/model"
)

// WriteWire writes c as a message.
func (c FoundCluster) WriteWire(w *model.WireWriter) { w.Text(1, string(c.ID)) }

// WriteWire writes c as a message.
func (c PutConfig) WriteWire(w *model.WireWriter) {
	w.Uint(1, c.BaseRev)
	w.Token(2, c.Token)
	w.Message(3, c.Version.WriteWire)
	w.Bool(4, c.Seed)
}

// WriteWire writes c as a message.
func (c PutSilence) WriteWire(w *model.WireWriter) {
	w.Message(1, c.Silence.WriteWire)
	w.Uint(2, c.BaseRev)
	w.Uint(3, uint64(c.MaxSilences))
}

// WriteWire writes c as a message.
func (c ExpireSilence) WriteWire(w *model.WireWriter) {
	w.Text(1, c.ID)
	w.Int(2, int64(c.At))
}

// WriteWire writes c as a message.
func (c Claim) WriteWire(w *model.WireWriter) { c.ClaimRequest.WriteWire(w) }

// WriteWire writes c as a message.
func (c Settle) WriteWire(w *model.WireWriter) { c.Settlement.WriteWire(w) }

// WriteWire writes c as a message.
func (c Release) WriteWire(w *model.WireWriter) { c.Release.WriteWire(w) }

// WriteWire writes c as a message.
func (c MergeOverlay) WriteWire(w *model.WireWriter) { c.Overlay.WriteWire(w) }

// WriteWire writes c as a message.
func (c RemoveNode) WriteWire(w *model.WireWriter) { w.Text(1, string(c.ID)) }

// WriteWire writes c as a message.
func (c GC) WriteWire(w *model.WireWriter) {
	w.Int(1, int64(c.SilencesBefore))
	w.Int(2, int64(c.EntriesBefore))
	w.Int(3, int64(c.HistoryBefore))
	w.Uint(4, c.HistoryMax)
}

// WriteWire writes c as a message.
func (c SetMinVersion) WriteWire(w *model.WireWriter) { w.Uint(1, uint64(c.Version)) }

// read reads the command of a kind from its message.
func read(k Kind, b []byte) (Command, error) {
	if k == KindSigned {
		return readWith(readSigned, k, b)
	}
	return readPlain(k, b)
}

// readPlain reads a command that has no other in it.
func readPlain(k Kind, b []byte) (Command, error) {
	reader, known := readers[k]
	switch {
	case k == KindSigned:
		return nil, fmt.Errorf("read %v inside another: %w", k, ErrMalformed)
	case !known:
		return nil, fmt.Errorf("read command of kind %d: %w", k, ErrTooNew)
	}
	return readWith(reader, k, b)
}

func readWith(reader func(*model.WireReader) Command, k Kind, b []byte) (Command, error) {
	r := model.NewWireReader(b)
	c := reader(r)
	switch err := r.Err(); {
	case errors.Is(err, model.ErrWireUnknown):
		return nil, fmt.Errorf("read %v: %w: %w", k, err, ErrTooNew)
	case errors.Is(err, ErrTooNew), errors.Is(err, ErrMalformed):
		return nil, fmt.Errorf("read %v: %w", k, err)
	case err != nil:
		return nil, fmt.Errorf("read %v: %w: %w", k, err, ErrMalformed)
	}
	return c, nil
}

// readers is only read. KindSigned is not in it: its reader comes back to it.
var readers = map[Kind]func(*model.WireReader) Command{
	KindFoundCluster: func(r *model.WireReader) Command {
		return FoundCluster{ID: model.ClusterID(onlyText(r))}
	},
	KindPutConfig:     readPutConfig,
	KindPutSilence:    readPutSilence,
	KindExpireSilence: readExpireSilence,
	KindClaim:         func(r *model.WireReader) Command { var c Claim; c.ReadWire(r); return c },
	KindSettle:        func(r *model.WireReader) Command { var c Settle; c.ReadWire(r); return c },
	KindRelease:       func(r *model.WireReader) Command { var c Release; c.ReadWire(r); return c },
	KindExpire:        func(r *model.WireReader) Command { var c Expire; c.ReadWire(r); return c },
	KindMergeOverlay:  func(r *model.WireReader) Command { var c MergeOverlay; c.ReadWire(r); return c },
	KindPutNode:       func(r *model.WireReader) Command { var c PutNode; c.ReadWire(r); return c },
	KindRemoveNode:    func(r *model.WireReader) Command { return RemoveNode{ID: model.NodeID(onlyText(r))} },
	KindGC:            readGC,
	KindSetMinVersion: readSetMinVersion,
	KindPutRecord:     readPutRecord,
	KindDropRecord:    readDropRecord,
}

func onlyText(r *model.WireReader) (s string) {
	for r.Next() {
		if r.Field() != 1 {
			r.Unknown()
			return ""
		}
		s = r.Text()
	}
	return s
}

func readPutConfig(r *model.WireReader) Command {
	var c PutConfig
	for r.Next() {
		switch r.Field() {
		case 1:
			c.BaseRev = r.Uint()
		case 2:
			c.Token = r.Token()
		case 3:
			r.Message(c.Version.ReadWire)
		case 4:
			c.Seed = r.Bool()
		default:
			r.Unknown()
		}
	}
	return c
}

func readPutSilence(r *model.WireReader) Command {
	var c PutSilence
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(c.Silence.ReadWire)
		case 2:
			c.BaseRev = r.Uint()
		case 3:
			c.MaxSilences = r.Uint32()
		default:
			r.Unknown()
		}
	}
	return c
}

func readExpireSilence(r *model.WireReader) Command {
	var c ExpireSilence
	for r.Next() {
		switch r.Field() {
		case 1:
			c.ID = r.Text()
		case 2:
			c.At = r.Millis()
		default:
			r.Unknown()
		}
	}
	return c
}

func readGC(r *model.WireReader) Command {
	var c GC
	for r.Next() {
		switch r.Field() {
		case 1:
			c.SilencesBefore = r.Millis()
		case 2:
			c.EntriesBefore = r.Millis()
		case 3:
			c.HistoryBefore = r.Millis()
		case 4:
			c.HistoryMax = r.Uint()
		default:
			r.Unknown()
		}
	}
	return c
}

func readSetMinVersion(r *model.WireReader) Command {
	var c SetMinVersion
	for r.Next() {
		if r.Field() != 1 {
			r.Unknown()
			break
		}
		c.Version = r.Uint32()
	}
	return c
}
