package model

// Send is what the outbox of a node knows of one message that is sent under a
// claim: a record means that it may have gone out. It outlives the process, so
// that a node which starts again knows what became of its claims.
type Send struct {
	Key   DeliveryKey
	Token Token
	Phase SendPhase
	// Settlement is how it ended; empty before SendDone.
	Settlement Settlement
}

// SendPhase says how far a send has come.
type SendPhase uint8

// The phases.
const (
	// SendBegun: the message may have been sent, or may be under way.
	SendBegun SendPhase = iota + 1
	// SendDone: the receiver has taken it; the ledger may not know yet.
	SendDone
)

// String is one word for logs.
func (p SendPhase) String() string {
	switch p {
	case SendBegun:
		return "begun"
	case SendDone:
		return "done"
	default:
		return "unknown"
	}
}

// WriteWire writes s as a message: in the local file.
func (s *Send) WriteWire(w *WireWriter) {
	w.Message(1, s.Key.WriteWire)
	w.Token(2, s.Token)
	w.Uint(3, uint64(s.Phase))
	w.Message(4, s.Settlement.WriteWire)
}

// ReadWire reads what WriteWire wrote.
func (s *Send) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(s.Key.ReadWire)
		case 2:
			s.Token = r.Token()
		case 3:
			s.Phase = SendPhase(r.Uint8())
		case 4:
			r.Message(s.Settlement.ReadWire)
		default:
			r.Unknown()
		}
	}
}
