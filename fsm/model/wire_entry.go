package model

// WriteWire writes e as a message.
func (e *Entry) WriteWire(w *WireWriter) {
	w.Message(1, e.Key.WriteWire)
	w.Uint(2, e.Rev)
	w.Uint(3, e.Gen)
	w.Int(4, int64(e.Stamp))
	w.Int(5, int64(e.Changed))
	w.Set(6, e.Must)
	w.Set(7, e.Maybe)
	w.Set(8, e.Resolved)
	e.Data.writeWire(w, 9)
	w.Uint(10, uint64(e.Attempt))
	w.Int(11, int64(e.NotBefore))
	if e.Claim != nil {
		w.Message(12, e.Claim.WriteWire)
	}
	for i := range e.Lapsed {
		w.Message(13, e.Lapsed[i].WriteWire)
	}
	for i := range e.Spent {
		w.Message(14, e.Spent[i].WriteWire)
	}
	for i := range e.Merged {
		w.Message(15, e.Merged[i].WriteWire)
	}
	for i := range e.Strands {
		w.Message(16, e.Strands[i].WriteWire)
	}
}

// ReadWire reads what WriteWire wrote.
func (e *Entry) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(e.Key.ReadWire)
		case 2:
			e.Rev = r.Uint()
		case 3:
			e.Gen = r.Uint()
		case 4:
			e.Stamp = r.Millis()
		case 5:
			e.Changed = r.Millis()
		case 6:
			e.Must = r.Set()
		case 7:
			e.Maybe = r.Set()
		case 8:
			e.Resolved = r.Set()
		case 9:
			e.Data.readWire(r)
		case 10:
			e.Attempt = r.Uint32()
		case 11:
			e.NotBefore = r.Millis()
		default:
			e.readPast(r)
		}
	}
}

// readPast reads the fields that say who is at it and who was.
func (e *Entry) readPast(r *WireReader) {
	switch r.Field() {
	case 12:
		e.Claim = new(Claim)
		r.Message(e.Claim.ReadWire)
	case 13:
		e.Lapsed = append(e.Lapsed, Claim{})
		r.Message(e.Lapsed[len(e.Lapsed)-1].ReadWire)
	case 14:
		e.Spent = append(e.Spent, SpentToken{})
		r.Message(e.Spent[len(e.Spent)-1].ReadWire)
	case 15:
		e.Merged = append(e.Merged, OverlayMark{})
		r.Message(e.Merged[len(e.Merged)-1].ReadWire)
	case 16:
		e.Strands = append(e.Strands, Strand{})
		r.Message(e.Strands[len(e.Strands)-1].ReadWire)
	default:
		r.Unknown()
	}
}

// WriteWire writes c as a message.
func (c *Claim) WriteWire(w *WireWriter) {
	w.Token(1, c.Token)
	w.Text(2, string(c.Node))
	w.Uint(3, c.BaseRev)
	w.Uint(4, c.BaseGen)
	w.Uint(5, c.ConfigRev)
	w.Uint(6, c.Rev)
	w.Set(7, c.Firing)
	w.Set(8, c.Resolved)
	w.Uint(9, uint64(c.Reason))
	w.Uint(10, c.GrantedIndex)
	w.Int(11, int64(c.GrantedStamp))
	w.Bool(12, c.Overtaken)
}

// ReadWire reads what WriteWire wrote.
func (c *Claim) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			c.Token = r.Token()
		case 2:
			c.Node = NodeID(r.Text())
		case 3:
			c.BaseRev = r.Uint()
		case 4:
			c.BaseGen = r.Uint()
		case 5:
			c.ConfigRev = r.Uint()
		case 6:
			c.Rev = r.Uint()
		case 7:
			c.Firing = r.Set()
		case 8:
			c.Resolved = r.Set()
		case 9:
			c.Reason = Reason(r.Uint8())
		case 10:
			c.GrantedIndex = r.Uint()
		case 11:
			c.GrantedStamp = r.Millis()
		case 12:
			c.Overtaken = r.Bool()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes t as a message.
func (t SpentToken) WriteWire(w *WireWriter) {
	w.Token(1, t.Token)
	w.Bool(2, t.Settled)
}

// ReadWire reads what WriteWire wrote.
func (t *SpentToken) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			t.Token = r.Token()
		case 2:
			t.Settled = r.Bool()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes s as a message.
func (s *Strand) WriteWire(w *WireWriter) {
	w.Text(1, string(s.Origin))
	w.Uint(2, s.Epoch)
	w.Uint(3, s.Seq)
	w.Uint(4, s.Base)
	w.Uint(5, s.At)
	w.Bool(6, s.Pinned)
	w.Int(7, int64(s.Stamp))
	w.Set(8, s.Must)
	w.Set(9, s.Maybe)
	w.Set(10, s.Resolved)
	s.Data.writeWire(w, 11)
	w.Bool(12, s.Absent)
}

// ReadWire reads what WriteWire wrote.
func (s *Strand) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			s.Origin = NodeID(r.Text())
		case 2:
			s.Epoch = r.Uint()
		case 3:
			s.Seq = r.Uint()
		case 4:
			s.Base = r.Uint()
		case 5:
			s.At = r.Uint()
		case 6:
			s.Pinned = r.Bool()
		case 7:
			s.Stamp = r.Millis()
		case 8:
			s.Must = r.Set()
		case 9:
			s.Maybe = r.Set()
		case 10:
			s.Resolved = r.Set()
		case 11:
			s.Data.readWire(r)
		case 12:
			s.Absent = r.Bool()
		default:
			r.Unknown()
		}
	}
}
