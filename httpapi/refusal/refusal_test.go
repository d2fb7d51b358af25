package refusal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/httpapi/refusal"
)

func TestRefusal(t *testing.T) {
	cause := errors.New("dial tcp: secret internals")
	for want, r := range map[string]*refusal.Refusal{
		"no quorum: nobody leads":  {Cause: cause},
		"no quorum: b leads":       {Leader: "b", Cause: cause},
		"the outcome is unknown":   {Leader: "b", Unknown: true, Why: "x", Cause: cause},
		"this node's disk is full": {Leader: "b", Why: "this node's disk is full", Cause: cause},
	} {
		if got := r.Error(); !strings.HasPrefix(got, want) || strings.Contains(got, "secret") {
			t.Errorf("got %q, want %q…", got, want)
		}
		found, ok := refusal.From(fmt.Errorf("propose: %w", r))
		if !ok || found != r || !errors.Is(found, cause) {
			t.Errorf("%q is not found in a chain", want)
		}
	}
	if _, ok := refusal.From(cause); ok {
		t.Error("any error is a refusal")
	}
}

func TestRetryAfter(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "2", -1: "2", 1: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Minute: "60"} {
		if got := (&refusal.Refusal{RetryAfter: wait}).Header(); got != want {
			t.Errorf("%v: got %s, want %s", wait, got, want)
		}
	}
}

func TestDenied(t *testing.T) {
	d := &refusal.Denied{Reason: refusal.ErrLimit}
	if d.Error() != refusal.ErrLimit.Error() || !errors.Is(d, refusal.ErrLimit) {
		t.Errorf("got %q", d)
	}
	if d.Text = "5 of 5"; d.Error() != "5 of 5" {
		t.Errorf("got %q", d)
	}
}
