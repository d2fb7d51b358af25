package app

import (
	"context"
	"errors"
	"slices"

	"tocsin/dispatcher/config"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

// versions are the versions of the configuration for the API.
type versions struct {
	machine *fsm.Machine
	configs *configs
	load    config.Options
}

// proposedName stands for the file's name in the problems of a version that
// came without one.
const proposedName = config.MainFile

// Active is the version in force, nil before the first.
func (v *versions) Active() *model.ConfigVersion { return v.machine.View().Config() }

// Version finds any version that is kept.
func (v *versions) Version(rev uint64) (*model.ConfigVersion, bool, error) {
	all, err := v.machine.ConfigHistory(0)
	if err != nil {
		return nil, false, err
	}
	i := slices.IndexFunc(all, func(c *model.ConfigVersion) bool { return c.Rev == rev })
	if i < 0 {
		return nil, false, nil
	}
	return all[i], true, nil
}

// History is at most limit versions, newest first.
func (v *versions) History(limit int) ([]*model.ConfigVersion, error) {
	return v.machine.ConfigHistory(limit)
}

// Masked is a version's YAML with its secrets masked.
func (v *versions) Masked(c *model.ConfigVersion) (string, error) {
	if running := v.configs.running.Load(); running != nil && running.Rev == c.Rev {
		return running.Masked(), nil
	}
	loaded, err := config.Load(c, v.load)
	if err != nil {
		return "", err
	}
	return loaded.Masked(), nil
}

// Check finds what is wrong with a version of which only texts are set.
func (v *versions) Check(c *model.ConfigVersion) []admin.Problem {
	return adminProblems(config.CheckVersion(proposedName, c, withFiles(v.load)))
}

// Apply makes c the active version and returns its number once this node runs
// it.
func (v *versions) Apply(ctx context.Context, c *model.ConfigVersion, baseRev uint64) (uint64, error) {
	if problems := v.Check(c); len(problems) > 0 {
		return 0, &admin.Invalid{Problems: problems}
	}
	rev, err := v.configs.put(ctx, command.PutConfig{BaseRev: baseRev, Token: newToken(), Version: *c})
	if errors.Is(err, refusal.ErrConflict) {
		return 0, &refusal.Denied{Reason: refusal.ErrConflict, Text: "the configuration was changed meanwhile"}
	}
	var invalid *admin.Invalid
	if errors.As(err, &invalid) {
		return 0, invalid
	}
	if err != nil {
		return 0, refused(err)
	}
	return rev, v.configs.waitLoaded(ctx, rev)
}

func adminProblems(ps config.Problems) []admin.Problem {
	var out []admin.Problem
	for _, p := range ps {
		out = append(out, admin.Problem(p))
	}
	return out
}
