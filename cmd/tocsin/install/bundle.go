package install

import (
	"context"
	"errors"
)

// bundle is several steps that are one to people.
type bundle struct {
	text  string
	steps []Step
}

func (b bundle) String() string { return b.text }

// Done implements Step.
func (b bundle) Done(ctx context.Context, m *Machine) (bool, error) {
	for _, s := range b.steps {
		if done, err := s.Done(ctx, m); !done || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Do implements Step.
func (b bundle) Do(ctx context.Context, m *Machine) (func(context.Context) error, error) {
	var did []done
	undo := func(ctx context.Context) error {
		var errs []error
		for i := len(did) - 1; i >= 0; i-- {
			errs = append(errs, did[i].undo(ctx))
		}
		return errors.Join(errs...)
	}
	for _, s := range b.steps {
		u, err := run(ctx, m, s, func(Step, Outcome, error) {})
		if u != nil {
			did = append(did, done{s, u})
		}
		if err != nil {
			return undo, err
		}
	}
	return undo, nil
}
