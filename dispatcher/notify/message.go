package notify

import (
	"time"

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
