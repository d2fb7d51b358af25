package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	upstream "github.com/prometheus/alertmanager/alert"
	amnotify "github.com/prometheus/alertmanager/notify"

	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// TestPanicIsContained: a notifier that panics fails its own message only.
func TestPanicIsContained(t *testing.T) {
	var b bytes.Buffer
	i := notify.NewFake(func(context.Context, ...*upstream.Alert) (bool, error) {
		panic("out of cheese")
	}, slog.New(slog.NewTextHandler(&b, nil)))
	r := i.Send(t.Context(), message())
	if r.Err == nil || r.Retryable || r.Reason != "other" || !strings.Contains(r.Err.Error(), "out of cheese") {
		t.Errorf("the result is %+v", r)
	}
	if !strings.Contains(b.String(), "stack=") {
		t.Errorf("the stack is not logged: %s", b.String())
	}
}

// TestContext: a notifier finds in its context what Alertmanager puts there.
func TestContext(t *testing.T) {
	for reason, want := range map[model.Reason]string{
		model.ReasonFirst: "first notification", model.ReasonNewAlerts: "new alerts added", model.ReasonAllResolved: "all alerts resolved",
		model.ReasonSomeResolved: "some alerts resolved", model.ReasonRepeat: "repeat interval elapsed", model.ReasonDoubt: "unknown",
	} {
		i := notify.NewFake(func(ctx context.Context, as ...*upstream.Alert) (bool, error) {
			key, _ := amnotify.GroupKey(ctx)
			receiver, _ := amnotify.ReceiverName(ctx)
			group, _ := amnotify.GroupLabels(ctx)
			labels, _ := amnotify.RouteLabels(ctx)
			why, _ := amnotify.NotificationReason(ctx)
			now, _ := amnotify.Now(ctx)
			repeat, _ := amnotify.RepeatInterval(ctx)
			got := fmt.Sprintln(key, receiver, group, labels, why, now, repeat, len(as))
			all := fmt.Sprintln(`{}/{severity="critical"}:{alertname="Down"}`, "a.b", `{alertname="Down"}`, `{team="core"}`, want, begun.Add(2*time.Hour), 4*time.Hour, 2)
			if got != all {
				t.Errorf("the context has\n%s\nwant\n%s", got, all)
			}
			return false, nil
		}, slog.New(slog.DiscardHandler))
		m := message()
		m.Reason = reason
		if r := i.Send(t.Context(), m); r.Err != nil {
			t.Error(r.Err)
		}
	}
}

// TestDataIsBounded: an integration that wants to keep more than the ledger takes
// keeps what it had.
func TestDataIsBounded(t *testing.T) {
	size := model.MaxDataBytes - len("k")
	i := notify.NewFake(func(ctx context.Context, _ ...*upstream.Alert) (bool, error) {
		store, _ := amnotify.NflogStore(ctx)
		store.SetStr("k", strings.Repeat("x", size))
		return false, nil
	}, slog.New(slog.DiscardHandler))
	m := message()
	m.Data = model.Data{{Key: "old", Str: "v"}}
	size -= len("old") + len("v")
	if r := i.Send(t.Context(), m); r.Err != nil || len(r.Data) != 2 {
		t.Errorf("what just fits is not kept: %d, %v", len(r.Data), r.Err)
	}
	size++
	if r := i.Send(t.Context(), m); r.Err != nil || fmt.Sprint(r.Data) != fmt.Sprint(m.Data) {
		t.Errorf("what is too much leaves %d values, %v", len(r.Data), r.Err)
	}
}

// TestCanceled: a send that its caller ends says so.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	i := notify.NewFake(func(ctx context.Context, _ ...*upstream.Alert) (bool, error) {
		cancel()
		return true, fmt.Errorf("send: %w", ctx.Err())
	}, slog.New(slog.DiscardHandler))
	if r := i.Send(ctx, message()); !errors.Is(r.Err, context.Canceled) || r.Reason != "contextCanceled" {
		t.Errorf("the result is %+v", r)
	}
}
