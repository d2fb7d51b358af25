package silence

import (
	"iter"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// View is the replicated silences at some index. It is immutable.
type View interface {
	Silences() iter.Seq[*model.Silence]
	// SilenceRev changes whenever a silence does.
	SilenceRev() uint64
}

// Muter says which silences mute an alert, by the newest view. All methods may
// be called from several goroutines.
type Muter struct{ view func() View }

// NewMuter makes a Muter that asks view at each check, which must be cheap.
func NewMuter(view func() View) *Muter { return &Muter{view: view} }

// Mutes is the IDs of the silences that are active at now and match the alert,
// ascending; nil if none.
func (m *Muter) Mutes(a *alert.Alert, now time.Time) []string { return nil }
