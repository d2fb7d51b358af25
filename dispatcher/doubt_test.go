package dispatcher_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/dispatcher"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// logBook is a log that tests read.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// lines are those that have all of the texts.
func (l *logBook) lines(texts ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for line := range strings.Lines(l.buf.String()) {
		has := true
		for _, text := range texts {
			has = has && strings.Contains(line, text)
		}
		if has {
			n++
		}
	}
	return n
}

func (l *logBook) keep(o *dispatcher.Options) {
	o.Logger = slog.New(slog.NewTextHandler(l, nil))
}

// I3: what a receiver may get twice has its cause in the log, with the delivery
// ID, and in the history.
func TestSecondMessageSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name, says string
		first      func(r *rig) func(context.Context, int, *notify.Message) notify.Result
	}{
		{"a receiver that took it and did not say so", "an earlier try failed", func(*rig) func(context.Context, int, *notify.Message) notify.Result {
			return func(_ context.Context, n int, _ *notify.Message) notify.Result {
				if n <= 2 {
					return notify.Result{Err: errRefused, Retryable: true}
				}
				return notify.Result{}
			}
		}},
		{"a sender that was not heard of again", "was not heard of again", func(r *rig) func(context.Context, int, *notify.Message) notify.Result {
			return func(ctx context.Context, n int, _ *notify.Message) notify.Result {
				if n == 1 {
					s := r.nodes[0].seat
					s.mu.Lock()
					s.deaf = true
					s.mu.Unlock()
					<-ctx.Done()
					return notify.Result{Err: ctx.Err()}
				}
				return notify.Result{}
			}
		}},
	} {
		var log logBook
		inBubble(t, 2, simple("1s", "1m", "4h"), func(r *rig) {
			r.answer = c.first(r)
			r.fire("a")
			r.until(50 * sec)
			got := r.tellings()
			if len(got) != 1 || log.lines("perhaps for the second time", got[0].id, c.says) != 1 {
				t.Errorf("%s: told %v, the log is\n%s", c.name, got, log.buf.String())
			}
			rows := r.ledger.tally().history
			if len(rows) == 0 || rows[len(rows)-1].Reason != model.ReasonDoubt || got[0].reason != model.ReasonFirst {
				t.Errorf("%s: the history is %+v", c.name, rows)
			}
			r.nodes[0].seat.mu.Lock()
			r.nodes[0].seat.deaf = false
			r.nodes[0].seat.mu.Unlock()
		}, log.keep)
	}
}

// Without a quorum each message says so: in itself, in the log and in its overlay.
func TestDegradedMessageSaysSo(t *testing.T) {
	var log logBook
	inBubble(t, 1, simple("1s", "1m", "4h"), func(r *rig) {
		n := r.nodes[0]
		n.lose()
		lost := time.Now()
		n.fire("a")
		r.until(50 * sec)
		got := r.tellings()
		if len(got) != 1 || !got[0].degraded || log.lines("sent without a quorum", got[0].id) != 1 || log.lines("no quorum") != 1 {
			t.Errorf("told %v, the log is\n%s", got, log.buf.String())
		}
		for _, o := range n.mouth.Overlays(model.DeliveryKey{Group: "{}:{}", Receiver: "hook", Integration: "webhook/0"}) {
			if d := o.Delivery; !d.Degraded || d.ID != got[0].id || d.At == 0 || d.Outcome != model.OutcomeSent {
				t.Errorf("the overlay's row is %+v", d)
			}
		}
		if since := n.DegradedSince(); !since.After(lost) || since.Sub(lost) > 5*sec {
			t.Errorf("degraded since %v, lost at %v", since, lost)
		}
		n.find()
		r.until(60 * sec)
		if !n.DegradedSince().IsZero() || log.lines("quorum is back") != 1 {
			t.Errorf("still degraded; the log is\n%s", log.buf.String())
		}
	}, log.keep)
}
