package refusal

import "errors"

// What the cluster says to a write that it understood and would not apply. The
// texts are for people; Denied gives a better one.
var (
	// ErrConflict says that the thing changed since it was read.
	ErrConflict = errors.New("it was changed by somebody else meanwhile")
	// ErrNotFound says that there is no such thing.
	ErrNotFound = errors.New("there is no such thing")
	// ErrLimit says that there are as many as may be.
	ErrLimit = errors.New("the limit is reached")
	// ErrInvalid says that the state machine would not have it.
	ErrInvalid = errors.New("it was refused as invalid")
)

// Denied is one of the sentinels with a text for clients.
type Denied struct {
	Reason error
	Text   string
}

// Error is the text, or the reason's if there is none.
func (d *Denied) Error() string {
	if d.Text == "" {
		return d.Reason.Error()
	}
	return d.Text
}

// Unwrap is the reason.
func (d *Denied) Unwrap() error { return d.Reason }
