package v2

import (
	"context"
	"iter"
	"net/http"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
)

// Alerts are the alerts in this node's memory. *alert.Store is one.
type Alerts interface {
	// All goes through the alerts in any order.
	All() iter.Seq[*alert.Record]
}

// Dispatcher knows where alerts stand. *dispatcher.Dispatcher is one.
type Dispatcher interface {
	// Status and Receivers are asked of each alert of a listing.
	Status(*alert.Alert) dispatcher.AlertStatus
	Receivers(*alert.Alert) []string
	Groups(dispatcher.GroupFilter) []dispatcher.GroupView
}

// Silences are the silences as this node's state has them.
type Silences interface {
	Silence(id string) (*model.Silence, bool)
	Silences() iter.Seq[*model.Silence]
}

// Writer changes silences. It returns once this node's state shows the change
// (I14). Its errors are a *refusal.Refusal, or wrap one of refusal's sentinels.
type Writer interface {
	// WriteSilence carries out a plan. Where Put has no ID there is nothing to
	// put, only something to expire.
	WriteSilence(context.Context, silence.Plan) error
}

// Intake takes posted alerts in. *intake.Door is one.
type Intake interface {
	Take(r *http.Request, version string) (alert.Batch, error)
}
