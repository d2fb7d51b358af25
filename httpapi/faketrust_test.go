package httpapi_test

import (
	"context"
	"time"

	"tocsin/httpapi/admin"
)

// fakeTrust is a cluster that nothing is asked of.
type fakeTrust struct{}

func (fakeTrust) JoinTokens() []admin.JoinToken { return nil }

func (fakeTrust) CreateJoinToken(context.Context, time.Duration, int) (admin.JoinToken, error) {
	return admin.JoinToken{}, nil
}

func (fakeTrust) RevokeJoinToken(context.Context, string) (bool, error) { return true, nil }

func (fakeTrust) RequiresJoinToken() bool { return false }

func (fakeTrust) RequireJoinToken(context.Context, bool) (bool, error) { return true, nil }

func (fakeTrust) JoinAt(context.Context, string, string) (string, error) { return "", nil }

func (fakeTrust) Security(context.Context) admin.Security { return admin.Security{} }

func (fakeTrust) RotateKeys(context.Context, string) error { return nil }
