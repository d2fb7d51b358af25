package model

// WriteWire writes c as a message.
func (c *ConfigVersion) WriteWire(w *WireWriter) {
	w.Uint(1, c.Rev)
	w.Blob(2, c.YAML)
	for _, t := range c.Templates {
		w.Message(3, t.WriteWire)
	}
	w.Text(4, c.Author)
	w.Text(5, c.Comment)
	w.Int(6, int64(c.Stamp))
	w.Blob(7, c.SHA256[:])
	w.Token(8, c.Token)
}

// ReadWire reads what WriteWire wrote.
func (c *ConfigVersion) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			c.Rev = r.Uint()
		case 2:
			c.YAML = r.Blob()
		case 3:
			c.Templates = append(c.Templates, TemplateFile{})
			r.Message(c.Templates[len(c.Templates)-1].ReadWire)
		case 4:
			c.Author = r.Text()
		case 5:
			c.Comment = r.Text()
		case 6:
			c.Stamp = r.Millis()
		case 7:
			sum := r.Raw()
			if len(sum) != len(c.SHA256) {
				r.Fail(ErrWire)
				return
			}
			c.SHA256 = [32]byte(sum)
		case 8:
			c.Token = r.Token()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes t as a message.
func (t TemplateFile) WriteWire(w *WireWriter) {
	w.Text(1, t.Name)
	w.Blob(2, t.Text)
}

// ReadWire reads what WriteWire wrote.
func (t *TemplateFile) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			t.Name = r.Text()
		case 2:
			t.Text = r.Blob()
		default:
			r.Unknown()
		}
	}
}

// WriteWire writes n as a message.
func (n Node) WriteWire(w *WireWriter) {
	w.Text(1, string(n.ID))
	w.Text(2, n.Name)
	w.Text(3, n.API)
	w.Text(4, n.Raft)
	w.Text(5, n.Gossip)
	w.Text(6, n.Version)
	w.Uint(7, uint64(n.Commands))
}

// ReadWire reads what WriteWire wrote.
func (n *Node) ReadWire(r *WireReader) {
	for r.Next() {
		switch r.Field() {
		case 1:
			n.ID = NodeID(r.Text())
		case 2:
			n.Name = r.Text()
		case 3:
			n.API = r.Text()
		case 4:
			n.Raft = r.Text()
		case 5:
			n.Gossip = r.Text()
		case 6:
			n.Version = r.Text()
		case 7:
			n.Commands = r.Uint32()
		default:
			r.Unknown()
		}
	}
}
