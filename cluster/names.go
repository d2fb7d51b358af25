package cluster

import (
	"cmp"
	"context"
	"log/slog"

	"github.com/hashicorp/raft"

	"tocsin/fsm/model"
)

// Named is a logger that says the name of a node beside its ID, wherever an
// attribute is one.
func (n *Node) Named(to *slog.Logger) *slog.Logger {
	return slog.New(&naming{to.Handler(), n.nameOf})
}

// nameOf is what people call a node, as far as this one has heard; "" if not.
func (n *Node) nameOf(id model.NodeID) string {
	if id == n.id {
		return n.opts.Name
	}
	m, _ := n.member(id)
	r, _ := n.opts.Machine.View().Node(id)
	return cmp.Or(m.Name, r.Name)
}

// naming is a slog.Handler that names nodes.
type naming struct {
	slog.Handler
	nameOf func(model.NodeID) string
}

// Handle implements slog.Handler.
func (h *naming) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.named(a))
		return true
	})
	return h.Handler.Handle(ctx, out)
}

// WithAttrs implements slog.Handler.
func (h *naming) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = h.named(a)
	}
	return &naming{h.Handler.WithAttrs(out), h.nameOf}
}

// WithGroup implements slog.Handler.
func (h *naming) WithGroup(name string) slog.Handler {
	return &naming{h.Handler.WithGroup(name), h.nameOf}
}

// named is a with the name of the node that it is about, if it is about one.
func (h *naming) named(a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindAny {
		return a
	}
	switch v := a.Value.Any().(type) {
	case model.NodeID:
		return slog.String(a.Key, h.called(v))
	case raft.ServerID:
		return slog.String(a.Key, h.called(model.NodeID(v)))
	case raft.Server:
		return slog.String(a.Key, h.called(model.NodeID(v.ID))+" at "+string(v.Address))
	}
	return a
}

// called is "name (ID)", or the ID alone.
func (h *naming) called(id model.NodeID) string {
	if name := h.nameOf(id); name != "" && name != string(id) {
		return name + " (" + string(id) + ")"
	}
	return string(id)
}
