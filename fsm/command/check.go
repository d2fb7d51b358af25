package command

import (
	"fmt"

	"tocsin/fsm/model"
)

func (e *Envelope) check() error {
	switch {
	case e.Version == 0:
		return fmt.Errorf("envelope without a version: %w", ErrInvalid)
	case e.Version > Version:
		return fmt.Errorf("envelope of version %d: %w", e.Version, ErrTooNew)
	case e.Version < Needs(e.Commands...):
		return fmt.Errorf("envelope of version %d with commands of a newer one: %w", e.Version, ErrInvalid)
	case len(e.Commands) > MaxCommands:
		return fmt.Errorf("%d commands: %w", len(e.Commands), ErrLimit)
	}
	if err := name("proposer", string(e.Proposer), true); err != nil {
		return err
	}
	for i, c := range e.Commands {
		if err := c.check(); err != nil {
			return fmt.Errorf("command %d, %v: %w", i, c.Kind(), err)
		}
	}
	return nil
}

func (c FoundCluster) check() error { return name("cluster id", string(c.ID), false) }

func (c PutConfig) check() error {
	v := &c.Version
	n := len(v.YAML)
	for i, t := range v.Templates {
		n += len(t.Name) + len(t.Text)
		if i > 0 && t.Name <= v.Templates[i-1].Name {
			return fmt.Errorf("template %q out of order: %w", t.Name, ErrInvalid)
		}
	}
	switch {
	case c.Token.IsZero():
		return errNoToken
	case n > MaxConfigBytes:
		return fmt.Errorf("configuration of %d bytes: %w", n, ErrLimit)
	}
	return first(name("author", v.Author, true), name("comment", v.Comment, true))
}

func (c PutSilence) check() error {
	s := &c.Silence
	if n := len(model.Encode(s)); n > MaxSilenceBytes {
		return fmt.Errorf("silence of %d bytes: %w", n, ErrLimit)
	}
	if s.EndsAt < s.StartsAt {
		return fmt.Errorf("silence that ends before it starts: %w", ErrInvalid)
	}
	for i := 1; i < len(s.Annotations); i++ {
		if s.Annotations[i].Name <= s.Annotations[i-1].Name {
			return fmt.Errorf("annotation %q out of order: %w", s.Annotations[i].Name, ErrInvalid)
		}
	}
	return name("silence id", s.ID, false)
}

func (c ExpireSilence) check() error { return name("silence id", c.ID, false) }

func (c Claim) check() error {
	if c.MinGap < 0 {
		return fmt.Errorf("negative gap: %w", ErrInvalid)
	}
	return first(claimed(c.Key, c.Token, c.Node), sets(c.Firing, c.Resolved))
}

func (c Settle) check() error {
	return first(claimed(c.Key, c.Token, c.Node), sets(c.Firing, c.Resolved),
		data(c.Data), delivery(&c.Delivery))
}

func (c Release) check() error {
	return first(claimed(c.Key, c.Token, c.Node), delivery(&c.Delivery))
}

func (c Expire) check() error { return claimed(c.Key, c.Token, "-") }

func (c MergeOverlay) check() error {
	if c.Must.Meets(c.Maybe) {
		return fmt.Errorf("must meets maybe: %w", ErrInvalid)
	}
	return first(key(c.Key), name("origin", string(c.Origin), false),
		sets(c.Must, c.Maybe, c.Overlay.Resolved), data(c.Data), delivery(&c.Delivery))
}

func (c PutNode) check() error {
	return first(name("node", string(c.ID), false), name("node name", c.Name, true),
		name("api address", c.API, true), name("raft address", c.Raft, true),
		name("gossip address", c.Gossip, true), name("version", c.Version, true))
}

func (c RemoveNode) check() error { return name("node", string(c.ID), false) }

func (c GC) check() error { return nil }

func (c SetMinVersion) check() error {
	if c.Version == 0 {
		return fmt.Errorf("no version: %w", ErrInvalid)
	}
	return nil
}

var errNoToken = fmt.Errorf("no token: %w", ErrInvalid)

// first is the first error of several.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func name(what, s string, mayBeEmpty bool) error {
	switch {
	case s == "" && !mayBeEmpty:
		return fmt.Errorf("no %s: %w", what, ErrInvalid)
	case len(s) > MaxNameBytes:
		return fmt.Errorf("%s of %d bytes: %w", what, len(s), ErrLimit)
	}
	return nil
}

func key(k model.DeliveryKey) error {
	n := len(k.Group) + len(k.Receiver) + len(k.Integration)
	switch {
	case n == 0:
		return fmt.Errorf("no delivery key: %w", ErrInvalid)
	case n > MaxKeyBytes:
		return fmt.Errorf("delivery key of %d bytes: %w", n, ErrLimit)
	}
	return nil
}

func claimed(k model.DeliveryKey, t model.Token, node model.NodeID) error {
	if t.IsZero() {
		return errNoToken
	}
	return first(key(k), name("node", string(node), false))
}

// sets checks sets that a program made: on the wire their order is checked.
func sets(all ...model.AlertSet) error {
	for _, s := range all {
		if len(s) > MaxAlerts {
			return fmt.Errorf("set of %d alerts: %w", len(s), ErrLimit)
		}
		for i := 1; i < len(s); i++ {
			if s[i] <= s[i-1] {
				return fmt.Errorf("set of alerts out of order: %w", ErrInvalid)
			}
		}
	}
	return nil
}

func data(d model.Data) error {
	n := 0
	for i := range d {
		n += len(d[i].Key) + len(d[i].Str)
		if i > 0 && d[i].Key <= d[i-1].Key {
			return fmt.Errorf("integration data out of order: %w", ErrInvalid)
		}
	}
	if n > model.MaxDataBytes {
		return fmt.Errorf("integration data of %d bytes: %w", n, ErrLimit)
	}
	return nil
}

func delivery(d *model.Delivery) error {
	if len(d.Error) > model.MaxErrorBytes {
		return fmt.Errorf("delivery error of %d bytes: %w", len(d.Error), ErrLimit)
	}
	return name("delivery id", d.ID, true)
}
