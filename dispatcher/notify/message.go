package notify

import (
	"context"
	"sort"
	"time"

	upstream "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/notify"
	prommodel "github.com/prometheus/common/model"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// Message is what one integration is to tell about one group. It is read only
// while Send runs.
type Message struct {
	// GroupKey is Alertmanager's group key, as route.Route.GroupKey makes it,
	// not the ledger's.
	GroupKey    string
	Receiver    string
	GroupLabels alert.Labels
	// RouteLabels are rendered already.
	RouteLabels map[string]string
	Reason      model.Reason
	// Alerts may be in any order; Send puts them into Alertmanager's.
	Alerts []Told
	// Now is the time of the tick, by this node's clock.
	Now            time.Time
	RepeatInterval time.Duration
	// DeliveryID is what DeliveryID gives; empty leaves all marks of it out.
	DeliveryID string
	// Data is what this integration kept of the group's last message; nil for
	// the first.
	Data model.Data
	// Degraded: sent without a quorum. Webhooks are told.
	Degraded bool
	// Connect bounds how long it may take to get a connection, each time that
	// one is needed; 0 is no bound.
	Connect time.Duration
	// Check is asked right before anything of the message is written, for
	// each request anew; an error gives the try up. It must be quick, and
	// may be called from any goroutine. Nil lets all go.
	Check func() error
}

// Told is an alert with the state that the message tells. The state is given
// because an alert resolves by time alone, and must not do so between the
// decision to send and the sending.
type Told struct {
	Alert    *alert.Alert
	Resolved bool
}

// Result is how a try to send ended.
type Result struct {
	// Err is nil if the receiver took the message. Its text has no secrets and
	// at most model.MaxErrorBytes.
	Err error
	// Skipped: there was nothing to send, because the integration wants no
	// resolved alerts and nothing fires. As in Alertmanager that counts as
	// told.
	Skipped bool
	// Unsent: nothing of the message has left, so it cannot have arrived. It
	// is false where that is not known.
	Unsent bool
	// Unreached: no connection could be made in time. Something may have been
	// written into an older one before.
	Unreached bool
	// SentAt is when the last byte of a message that was taken left this
	// machine, or a little later where that is not known exactly.
	SentAt time.Time
	// Retryable: the same message may be taken later.
	Retryable bool
	// Reason is one of Reasons if Err is set.
	Reason string
	// RetryAfter is how long the receiver asked to be left alone, 0 if it did
	// not say, at most MaxRetryAfter.
	RetryAfter time.Duration
	// Status is the last HTTP status that was answered, 0 if none.
	Status int
	// Data is what the integration keeps from now on. After an error it is
	// what it was before.
	Data model.Data
	// Took is how long the request lasted.
	Took time.Duration
}

// MaxRetryAfter bounds Result.RetryAfter: a receiver that asks for more is asked
// again after that.
const MaxRetryAfter = time.Hour

// upstreamAlerts are the alerts to send in Alertmanager's form and order. Its
// notifiers look at an alert's end to tell whether it is resolved, so a firing
// one has none, and a resolved one an end that is not after now, the time by
// which they will judge.
func (m *Message) upstreamAlerts(sendResolved bool, now time.Time) []*upstream.Alert {
	sent := make([]*upstream.Alert, 0, len(m.Alerts))
	for _, t := range m.Alerts {
		if t.Resolved && !sendResolved {
			continue
		}
		u := t.Alert.Upstream()
		switch {
		case !t.Resolved:
			u.EndsAt = time.Time{}
		case u.EndsAt.IsZero() || u.EndsAt.After(now):
			u.EndsAt = now
		}
		sent = append(sent, u)
	}
	sort.Stable(upstream.AlertSlice(sent))
	return sent
}

// kept is what the integration is given back of the last message. A first
// message has no last one, whatever an earlier incident left behind.
func (m *Message) kept() model.Data {
	if m.Reason == model.ReasonFirst {
		return nil
	}
	return m.Data
}

// context is ctx with all that Alertmanager's notifiers look for in it.
func (m *Message) context(ctx context.Context, store *nflog.Store) context.Context {
	routeLabels := make(prommodel.LabelSet, len(m.RouteLabels))
	for n, v := range m.RouteLabels {
		routeLabels[prommodel.LabelName(n)] = prommodel.LabelValue(v)
	}
	groupLabels := make(prommodel.LabelSet, len(m.GroupLabels))
	for n, v := range m.GroupLabels.All() {
		groupLabels[prommodel.LabelName(n)] = prommodel.LabelValue(v)
	}
	ctx = notify.WithGroupKey(ctx, m.GroupKey)
	ctx = notify.WithReceiverName(ctx, m.Receiver)
	ctx = notify.WithGroupLabels(ctx, groupLabels)
	ctx = notify.WithRouteLabels(ctx, routeLabels)
	ctx = notify.WithNotificationReason(ctx, upstreamReason(m.Reason))
	ctx = notify.WithNow(ctx, m.Now)
	ctx = notify.WithRepeatInterval(ctx, m.RepeatInterval)
	return notify.WithNflogStore(ctx, store)
}

// upstreamReason is Alertmanager's number for a reason. It has none for doubt;
// its templates then read "unknown".
func upstreamReason(r model.Reason) notify.NotifyReason {
	switch r {
	case model.ReasonFirst:
		return notify.ReasonFirstNotification
	case model.ReasonNewAlerts:
		return notify.ReasonNewAlertsInGroup
	case model.ReasonAllResolved:
		return notify.ReasonAllAlertsResolved
	case model.ReasonSomeResolved:
		return notify.ReasonNewResolvedAlerts
	case model.ReasonRepeat:
		return notify.ReasonRepeatIntervalElapsed
	default:
		return notify.ReasonUnknown
	}
}
