package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	upstreamalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/nflog"
	upstream "github.com/prometheus/alertmanager/notify"

	"tocsin/dispatcher/event"
	"tocsin/fsm/model"
)

// Integration is one way in which a receiver is told. Shared and immutable; Send
// may be called by any number of goroutines.
type Integration struct {
	identity string
	receiver string
	upstream upstream.Integration
	secrets  []string
	metrics  *Metrics
	events   *event.Recorder
	logger   *slog.Logger
	// watched: all that is sent goes by an exchange.
	watched bool

	// turn is held while a notifier that takes turns sends; nil for others.
	turn    chan struct{}
	current atomic.Pointer[exchange]
}

// Identity names the integration within its receiver. It is
// model.DeliveryKey's Integration.
func (i *Integration) Identity() string { return i.identity }

// Receiver is the name of the receiver that it belongs to.
func (i *Integration) Receiver() string { return i.receiver }

// Name is its type, as in Alertmanager's metrics: "webhook", "email" …
func (i *Integration) Name() string { return i.upstream.Name() }

// Index is its place among those of its type in the receiver, from 0.
func (i *Integration) Index() int { return i.upstream.Index() }

// SendResolved reports whether it tells resolved alerts.
func (i *Integration) SendResolved() bool { return i.upstream.SendResolved() }

// Send makes one try to deliver m. It returns when the receiver has answered or
// ctx is over, and the try has ended when it returns.
func (i *Integration) Send(ctx context.Context, m *Message) Result {
	alerts := m.upstreamAlerts(i.SendResolved(), time.Now())
	if len(alerts) == 0 {
		return Result{Skipped: true, Data: m.Data}
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	x := &exchange{id: m.DeliveryID, degraded: m.Degraded, check: m.Check, watched: i.watched, giveUp: giveUp, connect: m.Connect}
	store := storeOf(m.kept())
	ctx = x.with(m.context(ctx, store))
	if err := i.takeTurn(ctx, x); err != nil {
		return i.failed(ctx, m, x, outcome{err: err, retry: true})
	}
	defer i.giveTurn()
	if m.Check != nil {
		if err := m.Check(); err != nil {
			r := i.failed(ctx, m, x, outcome{err: fmt.Errorf("not sent: %w", err), retry: true})
			r.Unsent = true
			return r
		}
	}
	x.connects()
	defer x.connected()
	start := time.Now()
	retry, err := i.notify(ctx, alerts)
	took := time.Since(start)
	i.metrics.tried(i, took, err)
	if closeErr := x.close(); closeErr != nil {
		i.logger.Debug("Closing a response failed", "err", closeErr)
	}
	if err != nil {
		return i.failed(ctx, m, x, outcome{err: err, retry: retry, took: took})
	}
	i.events.Notified(ctx, alerts, i.upstream)
	status, _ := x.answered()
	return Result{Data: i.newData(m, store), Status: status, Took: took, SentAt: x.left()}
}

// outcome is what a failed try came to.
type outcome struct {
	err   error
	retry bool
	took  time.Duration
}

func (i *Integration) failed(ctx context.Context, m *Message, x *exchange, o outcome) Result {
	status, after := x.answered()
	if why := x.refused(); why != nil {
		// What the transport made of it says less.
		o.err, o.retry = why, true
	}
	r := Result{
		Err:        newFailure(o.err, i.secrets),
		Retryable:  o.retry || unanswered(o.err, status),
		Reason:     reasonOf(ctx, o.err, status),
		RetryAfter: max(after, floodWait(o.err)),
		Status:     status,
		Data:       m.Data,
		Took:       o.took,
		Unsent:     x.unsent(),
		Unreached:  x.outOfReach(),
	}
	if status == http.StatusTooManyRequests || r.Reason == upstream.RateLimitedReason.String() {
		r.Retryable = true
	}
	return r
}

// notify calls the notifier. A panic there must not end the pages of all other
// receivers with it.
func (i *Integration) notify(ctx context.Context, alerts []*upstreamalert.Alert) (retry bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			i.logger.Error("A notifier panicked", "panic", p, "stack", string(debug.Stack()))
			retry, err = false, fmt.Errorf("send: the notifier panicked: %v", p)
		}
	}()
	return i.upstream.Notify(ctx, alerts...)
}

// takeTurn waits until no other send of this integration runs, where that
// matters.
func (i *Integration) takeTurn(ctx context.Context, x *exchange) error {
	if i.turn == nil {
		return nil
	}
	select {
	case i.turn <- struct{}{}:
		i.current.Store(x)
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the send before: %w", context.Cause(ctx))
	}
}

func (i *Integration) giveTurn() {
	if i.turn != nil {
		i.current.Store(nil)
		<-i.turn
	}
}

// newData is what is kept after a message that arrived.
func (i *Integration) newData(m *Message, s *nflog.Store) model.Data {
	data, err := dataOf(s)
	if err == nil && dataSize(data) > model.MaxDataBytes {
		err = fmt.Errorf("%d bytes are more than %d", dataSize(data), model.MaxDataBytes)
	}
	if err != nil {
		i.logger.Warn("What the integration wants to keep is dropped", "err", err)
		return m.kept()
	}
	return data
}
