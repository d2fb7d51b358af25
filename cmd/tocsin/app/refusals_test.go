package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/cluster"
	"tocsin/fsm/command"
	"tocsin/httpapi/refusal"
)

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string // part of what clients read
	}{
		{&cluster.NoQuorumError{RetryAfter: time.Second}, "nobody leads"},
		{&cluster.NoQuorumError{Leader: "n1", LeaderAPI: "10.0.0.1:9093"}, "10.0.0.1:9093 leads"},
		{fmt.Errorf("propose: %w", cluster.ErrOutcomeUnknown), "the outcome is unknown"},
		{context.DeadlineExceeded, "the outcome is unknown"},
		{cluster.ErrBusy, "too many writes"},
		{cluster.ErrClosed, "stopping"},
		{cluster.ErrStorage, "disk failed"},
	} {
		r, ok := refusal.From(refused(c.err))
		if !ok || !strings.Contains(r.Error(), c.want) || !errors.Is(r, c.err) {
			t.Errorf("refused(%v) = %v, want a refusal with %q", c.err, r, c.want)
		}
	}
	for _, c := range []struct{ err, want error }{
		{cluster.ErrUnknownPeer, refusal.ErrNotFound},
		{cluster.ErrLastVoter, refusal.ErrInvalid},
		{cluster.ErrTooLarge, refusal.ErrInvalid},
	} {
		if got := refused(c.err); !errors.Is(got, c.want) {
			t.Errorf("refused(%v) = %v, want %v", c.err, got, c.want)
		}
	}
	if err := refused(nil); err != nil {
		t.Errorf("refused(nil) = %v", err)
	}
}

func TestResultError(t *testing.T) {
	for code, want := range map[command.Code]error{
		command.CodeOK:       nil,
		command.CodeConflict: refusal.ErrConflict,
		command.CodeNotFound: refusal.ErrNotFound,
		command.CodeLimit:    refusal.ErrLimit,
		command.CodeInvalid:  refusal.ErrInvalid,
		command.CodeDenied:   refusal.ErrInvalid,
	} {
		if got := resultError(command.Result{Code: code}); !errors.Is(got, want) {
			t.Errorf("%v: %v, want %v", code, got, want)
		}
	}
	got := resultError(command.Result{Code: command.CodeLimit, Detail: "exceeded maximum number of silences: 3 (limit: 3)"})
	if got.Error() != "exceeded maximum number of silences: 3 (limit: 3)" {
		t.Errorf("a limit's text is %q", got)
	}
}
