package fsm

import (
	"bytes"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// setSilence creates or changes a silence. What the state already says is done,
// whatever it was based on: so a proposal may be repeated.
func (s *stage) setSilence(c command.PutSilence) command.Result {
	old, exists := s.v.Silence(c.Silence.ID)
	switch {
	case exists && sameSilence(old, &c.Silence):
		return command.Result{Code: command.CodeOK, Rev: old.Rev}
	case exists && c.BaseRev != old.Rev:
		return command.Result{Code: command.CodeConflict, Rev: old.Rev, Detail: "the silence has changed"}
	case !exists && c.BaseRev != 0:
		return command.Result{Code: command.CodeNotFound, Detail: "there is no such silence"}
	case !exists && c.MaxSilences > 0 && s.v.SilenceCount() >= int(c.MaxSilences):
		return command.Result{Code: command.CodeLimit, Detail: "there are too many silences"}
	}
	s.putSilence(c.Silence)
	return command.Result{Code: command.CodeOK, Rev: s.index}
}

// expireSilence ends a silence. One that is active ends at the given time and
// is active in that millisecond still, as both ends belong to it; one that is
// pending never starts.
func (s *stage) expireSilence(c command.ExpireSilence) command.Result {
	old, exists := s.v.Silence(c.ID)
	if !exists {
		return command.Result{Code: command.CodeNotFound, Detail: "there is no such silence"}
	}
	ended := *old
	switch old.State(c.At) {
	case model.SilenceExpired:
		return command.Result{Code: command.CodeOK, Rev: old.Rev}
	case model.SilencePending:
		ended.StartsAt = c.At
	}
	ended.EndsAt = c.At
	if sameSilence(old, &ended) {
		return command.Result{Code: command.CodeOK, Rev: old.Rev}
	}
	ended.UpdatedAt = c.At
	s.putSilence(ended)
	return command.Result{Code: command.CodeOK, Rev: s.index}
}

// sameSilence compares all but the revision and the time of the change.
func sameSilence(a, b *model.Silence) bool {
	x, y := *a, *b
	x.Rev, y.Rev = 0, 0
	x.UpdatedAt, y.UpdatedAt = 0, 0
	return bytes.Equal(model.Encode(&x), model.Encode(&y))
}
