package notify

import (
	"context"
	"errors"

	upstream "github.com/prometheus/alertmanager/notify"
)

// Integration is one way in which a receiver is told. Shared and immutable; Send
// may be called by any number of goroutines.
type Integration struct {
	identity string
	receiver string
	upstream upstream.Integration
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
// ctx is over, and never before the try has ended.
func (i *Integration) Send(_ context.Context, _ *Message) Result {
	return Result{Err: errors.New("not built yet")}
}
