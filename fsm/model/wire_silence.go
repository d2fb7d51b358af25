package model

// WriteWire writes s as a message.
func (s *Silence) WriteWire(w *WireWriter) {
	w.Text(1, s.ID)
	w.Uint(2, s.Rev)
	for _, set := range s.MatcherSets {
		w.Message(3, func(w *WireWriter) {
			for _, m := range set {
				w.Message(1, m.WriteWire)
			}
		})
	}
	w.Int(4, int64(s.StartsAt))
	w.Int(5, int64(s.EndsAt))
	w.Int(6, int64(s.UpdatedAt))
	w.Text(7, s.CreatedBy)
	w.Text(8, s.Comment)
	for _, p := range s.Annotations {
		w.Message(9, p.WriteWire)
	}
}

// ReadWire reads what WriteWire wrote.
func (s *Silence) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			s.ID = r.Text()
		case 2:
			s.Rev = r.Uint()
		case 3:
			s.MatcherSets = append(s.MatcherSets, readMatchers(r))
		case 4:
			s.StartsAt = r.Millis()
		case 5:
			s.EndsAt = r.Millis()
		case 6:
			s.UpdatedAt = r.Millis()
		case 7:
			s.CreatedBy = r.Text()
		case 8:
			s.Comment = r.Text()
		case 9:
			s.Annotations = append(s.Annotations, Pair{})
			r.Message(s.Annotations[len(s.Annotations)-1].ReadWire)
		default:
			r.Unknown()
		}
	}
}

func readMatchers(r *WireReader) []Matcher {
	var set []Matcher
	r.Message(func(r *WireReader) {
		for r.Next() {
			if r.Field() != 1 {
				r.Unknown()
				return
			}
			set = append(set, Matcher{})
			r.Message(set[len(set)-1].ReadWire)
		}
	})
	return set
}

// WriteWire writes m as a message.
func (m Matcher) WriteWire(w *WireWriter) {
	w.Uint(1, uint64(m.Type))
	w.Text(2, m.Name)
	w.Text(3, m.Value)
}

// ReadWire reads what WriteWire wrote.
func (m *Matcher) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			m.Type = MatchType(r.Uint8())
		case 2:
			m.Name = r.Text()
		case 3:
			m.Value = r.Text()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes p as a message.
func (p Pair) WriteWire(w *WireWriter) {
	w.Text(1, p.Name)
	w.Text(2, p.Value)
}

// ReadWire reads what WriteWire wrote.
func (p *Pair) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			p.Name = r.Text()
		case 2:
			p.Value = r.Text()
		default:
			r.Unknown()
		}
	}
}
