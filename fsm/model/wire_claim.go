package model

// WriteWire writes c as a message.
func (c *ClaimRequest) WriteWire(w *WireWriter) {
	w.Message(1, c.Key.WriteWire)
	w.Token(2, c.Token)
	w.Text(3, string(c.Node))
	w.Uint(4, c.BaseRev)
	w.Uint(5, c.ConfigRev)
	w.Set(6, c.Firing)
	w.Set(7, c.Resolved)
	w.Uint(8, uint64(c.Reason))
	w.Int(9, c.MinGap)
}

// ReadWire reads what WriteWire wrote.
func (c *ClaimRequest) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(c.Key.ReadWire)
		case 2:
			c.Token = r.Token()
		case 3:
			c.Node = NodeID(r.Text())
		case 4:
			c.BaseRev = r.Uint()
		case 5:
			c.ConfigRev = r.Uint()
		case 6:
			c.Firing = r.Set()
		case 7:
			c.Resolved = r.Set()
		case 8:
			c.Reason = Reason(r.Uint8())
		case 9:
			c.MinGap = r.Int()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes s as a message.
func (s *Settlement) WriteWire(w *WireWriter) {
	w.Message(1, s.Key.WriteWire)
	w.Token(2, s.Token)
	w.Text(3, string(s.Node))
	w.Set(4, s.Firing)
	w.Set(5, s.Resolved)
	s.Data.writeWire(w, 6)
	w.Message(7, s.Delivery.WriteWire)
}

// ReadWire reads what WriteWire wrote.
func (s *Settlement) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(s.Key.ReadWire)
		case 2:
			s.Token = r.Token()
		case 3:
			s.Node = NodeID(r.Text())
		case 4:
			s.Firing = r.Set()
		case 5:
			s.Resolved = r.Set()
		case 6:
			s.Data.readWire(r)
		case 7:
			r.Message(s.Delivery.ReadWire)
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes l as a message.
func (l *Release) WriteWire(w *WireWriter) {
	w.Message(1, l.Key.WriteWire)
	w.Token(2, l.Token)
	w.Text(3, string(l.Node))
	w.Bool(4, l.Failed)
	w.Int(5, int64(l.NotBefore))
	w.Message(6, l.Delivery.WriteWire)
}

// ReadWire reads what WriteWire wrote.
func (l *Release) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(l.Key.ReadWire)
		case 2:
			l.Token = r.Token()
		case 3:
			l.Node = NodeID(r.Text())
		case 4:
			l.Failed = r.Bool()
		case 5:
			l.NotBefore = r.Millis()
		case 6:
			r.Message(l.Delivery.ReadWire)
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes x as a message.
func (x Expiry) WriteWire(w *WireWriter) {
	w.Message(1, x.Key.WriteWire)
	w.Token(2, x.Token)
}

// ReadWire reads what WriteWire wrote.
func (x *Expiry) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(x.Key.ReadWire)
		case 2:
			x.Token = r.Token()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes g as a message.
func (g Grant) WriteWire(w *WireWriter) {
	w.Uint(1, uint64(g.Denied))
	w.Uint(2, g.Rev)
	w.Uint(3, g.Index)
	w.Int(4, g.RetryAfter)
}

// ReadWire reads what WriteWire wrote.
func (g *Grant) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			g.Denied = Denial(r.Uint8())
		case 2:
			g.Rev = r.Uint()
		case 3:
			g.Index = r.Uint()
		case 4:
			g.RetryAfter = r.Int()
		default:
			r.Unknown()
		}
	}
}
