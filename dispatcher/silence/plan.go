package silence

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/fsm/model"
)

// Plan is what has to be proposed so that a silence becomes what a client
// wants. Exactly one of Put and Expire may be missing its meaning: see the
// fields.
type Plan struct {
	// ID is the silence's ID after the plan: what the client is answered.
	ID string
	// Expire is the ID of a silence to end first, at At; "" for none.
	Expire string
	At     model.Millis
	// Put is the silence to write.
	Put model.Silence
	// BaseRev is the revision that Put replaces; 0 for a new silence, which
	// counts against the maximum number of silences.
	BaseRev uint64
}

// ErrNotFound says that no silence has the ID. Its text is the API's.
var ErrNotFound = errors.New("silence not found")

// Change says how a silence is created, or changed where want.ID is set.
// existing is the silence of that ID, nil if there is none. An existing silence
// keeps its ID as long as the change does not alter what it muted before now;
// otherwise it is ended, and a new one takes its place. newID makes an ID.
//
// Errors: ErrNotFound, and ErrInvalid with a sentence, in Alertmanager's words.
func Change(existing *model.Silence, want model.Silence, now time.Time, newID func() string) (Plan, error) {
	at := model.Millis(now.UnixMilli())
	if want.StartsAt == 0 {
		want.StartsAt = at
	}
	if err := Validate(&want); err != nil {
		return Plan{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if want.ID != "" && existing == nil {
		return Plan{}, ErrNotFound
	}
	want.UpdatedAt = at
	if existing != nil && keepsID(existing, &want, at) {
		want.ID = existing.ID
		return Plan{ID: want.ID, Put: want, BaseRev: existing.Rev}, nil
	}
	p := Plan{At: at}
	if existing != nil && existing.State(at) != model.SilenceExpired {
		p.Expire = existing.ID
	}
	want.ID, want.StartsAt = newID(), max(want.StartsAt, at)
	p.ID, p.Put = want.ID, want
	return p, nil
}

// keepsID reports whether old can become want in place.
func keepsID(old, want *model.Silence, now model.Millis) bool {
	if !slices.EqualFunc(old.MatcherSets, want.MatcherSets, slices.Equal[[]model.Matcher]) {
		return false
	}
	switch old.State(now) {
	case model.SilenceActive:
		return seconds(old.StartsAt) == seconds(want.StartsAt) && want.EndsAt >= now
	case model.SilencePending:
		return want.StartsAt >= now
	default:
		return false
	}
}

// seconds is the Unix time in whole seconds: clients often send no fractions
// back.
func seconds(t model.Millis) int64 {
	s := int64(t) / 1000
	if t < 0 && int64(t)%1000 != 0 {
		s--
	}
	return s
}
