package model

// WriteWire writes k as a message.
func (k DeliveryKey) WriteWire(w *WireWriter) {
	w.Text(1, k.Group)
	w.Text(2, k.Receiver)
	w.Text(3, k.Integration)
}

// ReadWire reads what WriteWire wrote.
func (k *DeliveryKey) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			k.Group = r.Text()
		case 2:
			k.Receiver = r.Text()
		case 3:
			k.Integration = r.Text()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes d as a message.
func (d Datum) WriteWire(w *WireWriter) {
	w.Text(1, d.Key)
	w.Uint(2, uint64(d.Kind))
	w.Text(3, d.Str)
	w.Int(4, d.Int)
	w.Float(5, d.Float)
}

// ReadWire reads what WriteWire wrote.
func (d *Datum) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			d.Key = r.Text()
		case 2:
			d.Kind = DatumKind(r.Uint8())
		case 3:
			d.Str = r.Text()
		case 4:
			d.Int = r.Int()
		case 5:
			d.Float = r.Float()
		default:
			r.Unknown()
		}
	}
}

func (d Data) writeWire(w *WireWriter, field int) {
	for i := range d {
		w.Message(field, d[i].WriteWire)
	}
}

func (d *Data) readWire(r *WireReader) {
	var v Datum
	r.Message(v.ReadWire)
	*d = append(*d, v)
}

// WriteWire writes d as a message.
func (d *Delivery) WriteWire(w *WireWriter) {
	w.Uint(1, d.Seq)
	w.Text(2, d.ID)
	w.Message(3, d.Key.WriteWire)
	w.Text(4, string(d.Node))
	w.Token(5, d.Token)
	w.Uint(6, uint64(d.Outcome))
	w.Uint(7, uint64(d.Reason))
	w.Uint(8, uint64(d.Firing))
	w.Uint(9, uint64(d.Resolved))
	w.Uint(10, uint64(d.Tries))
	w.Int(11, int64(d.At))
	w.Int(12, int64(d.Stamp))
	w.Int(13, d.Took)
	w.Text(14, d.Error)
	w.Bool(15, d.Degraded)
	w.Bool(16, d.InLease)
}

// ReadWire reads what WriteWire wrote.
func (d *Delivery) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			d.Seq = r.Uint()
		case 2:
			d.ID = r.Text()
		case 3:
			r.Message(d.Key.ReadWire)
		case 4:
			d.Node = NodeID(r.Text())
		case 5:
			d.Token = r.Token()
		case 6:
			d.Outcome = Outcome(r.Uint8())
		case 7:
			d.Reason = Reason(r.Uint8())
		case 8:
			d.Firing = r.Uint32()
		case 9:
			d.Resolved = r.Uint32()
		case 10:
			d.Tries = r.Uint32()
		case 11:
			d.At = r.Millis()
		case 12:
			d.Stamp = r.Millis()
		case 13:
			d.Took = r.Int()
		case 14:
			d.Error = r.Text()
		case 15:
			d.Degraded = r.Bool()
		case 16:
			d.InLease = r.Bool()
		default:
			r.Unknown()
		}
	}
}
