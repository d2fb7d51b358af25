package model

// WriteWire writes o as a message: in the log, in the local file, in gossip.
func (o *Overlay) WriteWire(w *WireWriter) {
	w.Message(1, o.Key.WriteWire)
	w.Text(2, string(o.Origin))
	w.Uint(3, o.Epoch)
	w.Uint(4, o.Seq)
	w.Uint(5, o.BaseRev)
	w.Uint(6, o.BaseGen)
	w.Int(7, int64(o.Stamp))
	w.Set(8, o.Must)
	w.Set(9, o.Maybe)
	w.Set(10, o.Resolved)
	o.Data.writeWire(w, 11)
	w.Message(12, o.Delivery.WriteWire)
}

// ReadWire reads what WriteWire wrote.
func (o *Overlay) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			r.Message(o.Key.ReadWire)
		case 2:
			o.Origin = NodeID(r.Text())
		case 3:
			o.Epoch = r.Uint()
		case 4:
			o.Seq = r.Uint()
		case 5:
			o.BaseRev = r.Uint()
		case 6:
			o.BaseGen = r.Uint()
		case 7:
			o.Stamp = r.Millis()
		case 8:
			o.Must = r.Set()
		case 9:
			o.Maybe = r.Set()
		case 10:
			o.Resolved = r.Set()
		case 11:
			o.Data.readWire(r)
		case 12:
			r.Message(o.Delivery.ReadWire)
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes m as a message.
func (m OverlayMark) WriteWire(w *WireWriter) {
	w.Text(1, string(m.Origin))
	w.Uint(2, m.Epoch)
	w.Uint(3, m.Seq)
}

// ReadWire reads what WriteWire wrote.
func (m *OverlayMark) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			m.Origin = NodeID(r.Text())
		case 2:
			m.Epoch = r.Uint()
		case 3:
			m.Seq = r.Uint()
		default:
			r.Unknown()
		}
	}
}
