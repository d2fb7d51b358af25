package app

import (
	"context"
	"iter"

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
		cmds = append(cmds, command.PutSilence{Silence: p.Put, BaseRev: p.BaseRev, MaxSilences: s.max})
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
	return nil
}
