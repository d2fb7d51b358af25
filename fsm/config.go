package fsm

import (
	"slices"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// MaxConfigVersions is how many versions of the configuration are kept.
const MaxConfigVersions = 100

// configRef is what is remembered in memory of a version that is kept.
type configRef struct {
	rev   uint64
	token model.Token
}

// putConfig makes a version the active one. A proposal that is repeated gets the
// answer it got the first time.
func (s *stage) putConfig(c command.PutConfig) command.Result {
	for _, known := range s.v.configs {
		if known.token == c.Token {
			return command.Result{Code: command.CodeOK, Rev: known.rev}
		}
	}
	var active uint64
	if s.v.config != nil {
		active = s.v.config.Rev
	}
	v := c.Version
	switch {
	case v.SHA256 != v.Sum():
		return command.Result{
			Code: command.CodeInvalid, Rev: active,
			Detail: "the configuration does not have the checksum that it came with",
		}
	case c.BaseRev != 0 && c.BaseRev != active, c.Seed && active != 0:
		return command.Result{
			Code: command.CodeConflict, Rev: active,
			Detail: "another version is active",
		}
	}
	v.Rev, v.Stamp, v.Token = active+1, s.stamp, c.Token
	s.mix('k', model.Encode(&v))
	s.fail(s.tx.PutConfig(&v))
	s.v.config = &v
	s.v.configs = append(slices.Clip(s.v.configs), configRef{v.Rev, v.Token})
	if len(s.v.configs) > MaxConfigVersions {
		s.fail(s.tx.DeleteConfig(s.v.configs[0].rev))
		s.v.configs = s.v.configs[1:]
	}
	s.change.Config = true
	return command.Result{Code: command.CodeOK, Rev: v.Rev}
}
