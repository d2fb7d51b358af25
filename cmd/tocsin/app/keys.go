package app

import (
	"context"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/httpapi/access"
)

// keys are the cluster's API tokens.
func (n *Node) keys() *access.Keys {
	return access.NewKeys(access.KeysOptions{
		Records: func() access.Records { return n.machine.View() },
		Writer:  records{n.propose},
		Now:     n.cluster.Now,
		Logger:  n.opts.Logger,
	})
}

// records changes the replicated records for the API.
type records struct {
	propose func(context.Context, ...command.Command) ([]command.Result, error)
}

// PutRecord creates a record, or changes the one that it was read from.
func (r records) PutRecord(ctx context.Context, rec model.Record, words access.Words) error {
	return r.do(ctx, rec, words, command.PutRecord{Record: rec.Kind, Name: rec.Name, BaseRev: rec.Rev, Body: rec.Body})
}

// DropRecord drops the record that was read.
func (r records) DropRecord(ctx context.Context, rec model.Record, words access.Words) error {
	return r.do(ctx, rec, words, command.DropRecord{Record: rec.Kind, Name: rec.Name, BaseRev: rec.Rev})
}

func (r records) do(ctx context.Context, rec model.Record, words access.Words, c command.Command) error {
	results, err := r.propose(ctx, command.As(c, words.Action, rec.Name, words.Detail))
	if err != nil {
		return refused(err)
	}
	return resultError(results[0])
}
