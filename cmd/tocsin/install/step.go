package install

import (
	"context"
	"errors"
	"fmt"
)

// Step is one thing to bring about. Its text says which.
type Step interface {
	fmt.Stringer
	// Done reports whether it is so already. It changes nothing.
	Done(context.Context, *Machine) (bool, error)
	// Do brings it about; undo takes that back, and may be nil.
	Do(context.Context, *Machine) (undo func(context.Context) error, err error)
}

// Outcome is what became of a step.
type Outcome string

// The outcomes of steps.
const (
	Already Outcome = "already so"
	Would   Outcome = "to do"
	Did     Outcome = "done"
	Failed  Outcome = "FAILED"
	Undone  Outcome = "taken back"
	Kept    Outcome = "kept"
	Stuck   Outcome = "NOT TAKEN BACK"
)

// errKept is why something stays although it could be taken back.
var errKept = errors.New("there may be data in it")

// Report is told of every step as it goes.
type Report func(s Step, o Outcome, err error)

// DryRun reports which steps are done already and which would be done. It
// changes nothing.
func DryRun(ctx context.Context, m *Machine, steps []Step, report Report) error {
	for _, s := range steps {
		done, err := s.Done(ctx, m)
		switch {
		case err != nil:
			return fmt.Errorf("look whether it is so: %s: %w", s, err)
		case done:
			report(s, Already, nil)
		default:
			report(s, Would, nil)
			note(m, s)
		}
	}
	return nil
}

// Run does the steps in order. If one fails, those that it did are taken back,
// the newest first.
func Run(ctx context.Context, m *Machine, steps []Step, report Report) error {
	var did []done
	for _, s := range steps {
		undo, err := run(ctx, m, s, report)
		if undo != nil {
			did = append(did, done{s, undo})
		}
		if err != nil {
			report(s, Failed, err)
			return errors.Join(fmt.Errorf("%s: %w", s, err), takeBack(context.WithoutCancel(ctx), m, did, report))
		}
	}
	return nil
}

// done is a step that can be taken back.
type done struct {
	step Step
	undo func(context.Context) error
}

func run(ctx context.Context, m *Machine, s Step, report Report) (func(context.Context) error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	already, err := s.Done(ctx, m)
	if err != nil {
		return nil, err
	}
	if already {
		report(s, Already, nil)
		return nil, nil
	}
	undo, err := s.Do(ctx, m)
	if err == nil {
		note(m, s)
		report(s, Did, nil)
	}
	return undo, err
}

// note keeps which file a step changes, for those that go by it.
func note(m *Machine, s Step) {
	if f, ok := s.(fileStep); ok {
		m.touch(f.Path)
	}
}

// takeBack goes on where one step cannot be taken back.
func takeBack(ctx context.Context, m *Machine, did []done, report Report) error {
	var errs []error
	for i := len(did) - 1; i >= 0; i-- {
		outcome := Undone
		err := did[i].undo(ctx)
		switch {
		case errors.Is(err, errKept):
			outcome = Kept
		case err != nil:
			outcome = Stuck
			errs = append(errs, fmt.Errorf("take back: %s: %w", did[i].step, err))
		}
		report(did[i].step, outcome, err)
	}
	for _, f := range m.after {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}
