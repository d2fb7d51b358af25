package access

import (
	"context"

	"tocsin/fsm/model"
)

// The names of actors that have no name of their own.
const (
	// Local is whoever works on the node's own machine.
	Local = "local"
	// Anonymous is whoever gave no name.
	Anonymous = "anonymous"
)

type actorKey struct{}

// WithActor is ctx with who asks in it.
func WithActor(ctx context.Context, a model.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// Actor is who asks; without a name where nobody does, and the program acts by
// itself.
func Actor(ctx context.Context) model.Actor {
	a, _ := ctx.Value(actorKey{}).(model.Actor)
	return a
}
