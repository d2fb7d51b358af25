package v2

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
	"tocsin/httpapi/refusal"
)

// planTries is how often a change is planned anew when somebody else changes
// the same silence in between.
const planTries = 4

func (a *API) postSilence(c echo.Context) error {
	body, err := readSilence(c.Response(), c.Request())
	if err != nil {
		return err
	}
	want := body.silence()
	if err := silence.ValidateTimes(&want, a.opts.Now()); err != nil {
		return refusef(http.StatusBadRequest, "%v", err)
	}
	var id string
	err = a.replan(c.Request().Context(), func(ctx context.Context) error {
		plan, err := a.plan(body, want)
		if err != nil {
			return err
		}
		id = plan.ID
		return a.opts.Writer.WriteSilence(ctx, plan)
	})
	if err != nil {
		return a.writeRefused(c, err)
	}
	answer.JSON(c.Response(), http.StatusOK, silenceCreated{id})
	return nil
}

type silenceCreated struct {
	ID string `json:"silenceID"`
}

// plan says what to do for want, from what the silence of its ID is now.
func (a *API) plan(body *postableSilence, want model.Silence) (silence.Plan, error) {
	existing, _ := a.existing(want.ID)
	if body.MatcherSets == nil && existing != nil && len(existing.MatcherSets) > 1 &&
		slices.Equal(existing.MatcherSets[0], want.MatcherSets[0]) {
		// The client knows of one set only and sends it back unchanged.
		want.MatcherSets = existing.MatcherSets
	}
	if max, size := a.opts.MaxSilenceBytes, silenceSize(&want); max > 0 && size > max {
		return silence.Plan{}, refusef(http.StatusBadRequest,
			"silence exceeded maximum size: %d bytes (limit: %d bytes)", size, max)
	}
	return silence.Change(existing, want, a.opts.Now(), uuid.NewString)
}

func (a *API) existing(id string) (*model.Silence, bool) {
	if id == "" {
		return nil, false
	}
	return a.opts.Silences.Silence(id)
}

func (a *API) deleteSilence(c echo.Context) error {
	id, err := silenceID(c)
	if err != nil {
		return err
	}
	err = a.replan(c.Request().Context(), func(ctx context.Context) error {
		s, ok := a.opts.Silences.Silence(id)
		if !ok {
			return silence.ErrNotFound
		}
		now := a.nowMillis()
		if s.State(now) == model.SilenceExpired {
			return nil
		}
		return a.opts.Writer.WriteSilence(ctx, silence.Plan{ID: id, Expire: id, At: now})
	})
	switch {
	case err == nil:
		return c.NoContent(http.StatusOK)
	case errors.Is(err, silence.ErrNotFound), errors.Is(err, refusal.ErrNotFound):
		return c.NoContent(http.StatusNotFound)
	default:
		return a.writeRefused(c, err)
	}
}

// replan repeats do while what it planned was overtaken by another change.
func (a *API) replan(ctx context.Context, do func(context.Context) error) error {
	var err error
	for range planTries {
		if err = do(ctx); !errors.Is(err, refusal.ErrConflict) {
			return err
		}
	}
	return err
}

// writeRefused turns the error of a write into an answer.
func (a *API) writeRefused(c echo.Context, err error) error {
	var own *refused
	if errors.As(err, &own) {
		return own
	}
	if r, ok := refusal.From(err); ok {
		a.opts.Logger.Warn("A silence was not written", "from", c.RealIP(), "err", err, "cause", r.Cause)
		c.Response().Header().Set("Retry-After", r.Header())
		return refusef(http.StatusServiceUnavailable, "%v", r)
	}
	switch {
	case errors.Is(err, silence.ErrNotFound), errors.Is(err, refusal.ErrNotFound):
		return refusef(http.StatusNotFound, "%v", silence.ErrNotFound)
	case errors.Is(err, silence.ErrInvalid):
		return refusef(http.StatusBadRequest, "%v", err)
	case errors.Is(err, refusal.ErrLimit), errors.Is(err, refusal.ErrInvalid):
		return refusef(http.StatusBadRequest, "%s", denial(err))
	case errors.Is(err, refusal.ErrConflict):
		c.Response().Header().Set("Retry-After", "1")
		return refusef(http.StatusServiceUnavailable, "the silence is being changed by others; try again")
	default:
		a.opts.Logger.Error("A silence was not written", "from", c.RealIP(), "err", err)
		return refusef(http.StatusInternalServerError, "the silence could not be written; the reason is in the log")
	}
}

// denial is the cluster's own text, without what it was wrapped in.
func denial(err error) string {
	var d *refusal.Denied
	if errors.As(err, &d) {
		return d.Error()
	}
	return err.Error()
}
