package model

// Actor is who asked for a change.
type Actor struct {
	// Name is "token:<name>", "user:<name>", "unix:<uid>", "local" (the node's
	// own machine) or "anonymous"; empty says that the program did it by itself.
	Name string
	// Address is where the request came from, host only; empty if that is
	// the node's own machine.
	Address string
}

// AuditRow says who changed what, and what became of it. It holds no secret and
// no body of a record.
type AuditRow struct {
	// Seq numbers the rows, from 1.
	Seq uint64
	// Index and Stamp are of the log entry: where, and when by the leader's clock.
	Index uint64
	Stamp Millis
	// Token names the proposal, so that one that is repeated makes one row.
	Token Token
	Who   Actor
	// Node is the one that took the request.
	Node NodeID
	// Action is noun and verb: silence.create. Target is what it was done to.
	Action, Target string
	// Outcome is a word of command.Code: ok, conflict, not_found …
	Outcome string
	// Detail says more, for people.
	Detail string
}

// Bounds of an audit row, in bytes.
const (
	MaxActorBytes  = 512
	MaxActionBytes = 64
	MaxTargetBytes = 1024
	MaxDetailBytes = 2048
)

// WriteWire writes a as a message.
func (a Actor) WriteWire(w *WireWriter) {
	w.Text(1, a.Name)
	w.Text(2, a.Address)
}

// ReadWire reads what WriteWire wrote.
func (a *Actor) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			a.Name = r.Text()
		case 2:
			a.Address = r.Text()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes a as a message.
func (a *AuditRow) WriteWire(w *WireWriter) {
	w.Uint(1, a.Seq)
	w.Uint(2, a.Index)
	w.Int(3, int64(a.Stamp))
	w.Token(4, a.Token)
	w.Message(5, a.Who.WriteWire)
	w.Text(6, string(a.Node))
	w.Text(7, a.Action)
	w.Text(8, a.Target)
	w.Text(9, a.Outcome)
	w.Text(10, a.Detail)
}

// ReadWire reads what WriteWire wrote.
func (a *AuditRow) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			a.Seq = r.Uint()
		case 2:
			a.Index = r.Uint()
		case 3:
			a.Stamp = r.Millis()
		case 4:
			a.Token = r.Token()
		case 5:
			r.Message(a.Who.ReadWire)
		case 6:
			a.Node = NodeID(r.Text())
		case 7:
			a.Action = r.Text()
		case 8:
			a.Target = r.Text()
		case 9:
			a.Outcome = r.Text()
		case 10:
			a.Detail = r.Text()
		default:
			r.Unknown()
		}
	}
}
