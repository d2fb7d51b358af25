package app

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"tocsin/dispatcher/event"
	"tocsin/dispatcher/silence"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// silences are the cluster's silences for the API.
type silences struct {
	machine *fsm.Machine
	propose func(context.Context, ...command.Command) ([]command.Result, error)
	max     uint32
	// log gets a line for each change; nil: none.
	log *slog.Logger
	// events writes each change down.
	events *event.Recorder
}

// Silence is the silence of that ID.
func (s *silences) Silence(id string) (*model.Silence, bool) { return s.machine.View().Silence(id) }

// Silences are all silences.
func (s *silences) Silences() iter.Seq[*model.Silence] { return s.machine.View().Silences() }

// WriteSilence has the cluster carry a plan out, in one step.
func (s *silences) WriteSilence(ctx context.Context, p silence.Plan) error {
	var cmds []command.Command
	if p.Expire != "" {
		cmds = append(cmds, command.ExpireSilence{ID: p.Expire, At: p.At})
	}
	if p.Put.ID != "" {
		cmds = append(cmds, described(command.PutSilence{Silence: p.Put, BaseRev: p.BaseRev, MaxSilences: s.max}))
	}
	results, err := s.propose(ctx, cmds...)
	if err != nil {
		return refused(err)
	}
	for _, r := range results {
		if err := resultError(r); err != nil {
			return err
		}
	}
	s.tell(p)
	if p.Expire != "" {
		s.events.SilenceEnded(p.Expire)
	}
	if p.Put.ID != "" {
		s.events.SilenceSet(&p.Put, p.BaseRev == 0)
	}
	return nil
}

// tell logs what was changed, if it is to be logged.
func (s *silences) tell(p silence.Plan) {
	if s.log == nil {
		return
	}
	if p.Expire != "" {
		s.log.Info("a silence was ended", "id", p.Expire)
	}
	if p.Put.ID != "" {
		s.log.Info("a silence was set", "id", p.Put.ID, "new", p.BaseRev == 0, "created_by", p.Put.CreatedBy, "comment", p.Put.Comment,
			"starts_at", time.UnixMilli(int64(p.Put.StartsAt)).UTC(), "ends_at", time.UnixMilli(int64(p.Put.EndsAt)).UTC())
	}
}
