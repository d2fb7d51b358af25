package restore

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"time"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// Options say how to restore.
type Options struct {
	// Now is the wall clock, to tell which silences are over.
	Now time.Time
	// SameLine: the backup is an earlier state of this very cluster (SameLine).
	SameLine bool
	// Tokens brings back API tokens that are not there any more.
	Tokens bool
	// Name names the backup, for the words about it: when it was made.
	Name string
	// Author is who restores.
	Author string
}

// Plan is what a restore would change.
type Plan struct {
	// Config is the version of the backup that becomes active, nil if the active
	// one says the same or the backup has none.
	Config *command.PutConfig
	// ConfigFrom is its number in the backup.
	ConfigFrom uint64
	// Commands are all other changes.
	Commands []command.Command
	Created  int // silences that come back
	Changed  int // silences that are changed back
	Expired  int // silences that the backup does not have
	Doubted  int // entries of the ledger that come in doubt
	Settings int // settings of the autopilot and of the backups
	Tokens   []string
}

// Empty reports whether there is nothing to change.
func (p *Plan) Empty() bool { return p.Config == nil && len(p.Commands) == 0 }

// Make works out how living becomes what backup was.
func Make(living, backup *fsm.View, o Options) Plan {
	var p Plan
	// What may page comes first: if the rest is not reached, nothing is lost.
	if !o.SameLine {
		p.doubt(backup)
	}
	p.silences(living, backup, model.Millis(o.Now.UnixMilli()))
	p.records(living, backup, o.Tokens)
	p.config(living, backup, o)
	return p
}

func (p *Plan) config(living, backup *fsm.View, o Options) {
	was, is := backup.Config(), living.Config()
	if was == nil || is != nil && is.Sum() == was.Sum() {
		return
	}
	var base uint64
	if is != nil {
		base = is.Rev
	}
	v := model.ConfigVersion{
		YAML: was.YAML, Templates: was.Templates, SHA256: was.Sum(), Author: o.Author,
		Comment: fmt.Sprintf("version %d of the backup of %s", was.Rev, o.Name),
	}
	p.ConfigFrom = was.Rev
	p.Config = &command.PutConfig{BaseRev: base, Version: v}
	// The same restore, tried again, is the same proposal.
	sum := sha256.Sum256(fmt.Appendf(nil, "restore %d %x %x", base, v.SHA256, living.Cluster()))
	copy(p.Config.Token[:], sum[:])
}

func (p *Plan) silences(living, backup *fsm.View, now model.Millis) {
	for s := range backup.Silences() {
		is, there := living.Silence(s.ID)
		switch {
		case there && sameSilence(is, s):
		case there && is.State(now) == model.SilenceExpired && s.State(now) == model.SilenceExpired:
		case there:
			p.put(s, is.Rev)
			p.Changed++
		case s.State(now) != model.SilenceExpired:
			p.put(s, 0)
			p.Created++
		}
	}
	for s := range living.Silences() {
		if _, there := backup.Silence(s.ID); !there && s.State(now) != model.SilenceExpired {
			p.Commands = append(p.Commands, command.ExpireSilence{ID: s.ID, At: now})
			p.Expired++
		}
	}
}

func (p *Plan) put(s *model.Silence, base uint64) {
	c := *s
	c.Rev = 0
	p.Commands = append(p.Commands, command.PutSilence{Silence: c, BaseRev: base})
}

func sameSilence(a, b *model.Silence) bool {
	x, y := *a, *b
	x.Rev, y.Rev = 0, 0
	x.UpdatedAt, y.UpdatedAt = 0, 0
	return bytes.Equal(model.Encode(&x), model.Encode(&y))
}

func (p *Plan) records(living, backup *fsm.View, tokens bool) {
	for _, kind := range []model.RecordKind{model.RecordAutopilot, model.RecordBackup} {
		for was := range backup.Records(kind) {
			if is, there := living.Record(kind, was.Name); !there || !bytes.Equal(is.Body, was.Body) {
				p.Commands = append(p.Commands, command.PutRecord{Record: kind, Name: was.Name, BaseRev: model.AnyRev, Body: was.Body})
				p.Settings++
			}
		}
		for is := range living.Records(kind) {
			if _, there := backup.Record(kind, is.Name); !there {
				p.Commands = append(p.Commands, command.DropRecord{Record: kind, Name: is.Name, BaseRev: model.AnyRev})
				p.Settings++
			}
		}
	}
	if !tokens {
		return
	}
	for was := range backup.Records(model.RecordAPIToken) {
		if _, there := living.Record(model.RecordAPIToken, was.Name); !there {
			p.Commands = append(p.Commands, command.PutRecord{Record: was.Kind, Name: was.Name, Body: was.Body})
			p.Tokens = append(p.Tokens, was.Name)
		}
	}
}

// Batches cuts commands into such as one log entry carries. Mostly it is one,
// and then all of it is applied or nothing.
func Batches(cmds []command.Command) [][]command.Command {
	const most, bytes = command.MaxCommands / 2, command.MaxBytes / 2
	var out [][]command.Command
	var batch []command.Command
	size := 0
	for _, c := range cmds {
		n := len(model.Encode(c)) + 16
		if len(batch) > 0 && (len(batch) == most || size+n > bytes) {
			out, batch, size = append(out, batch), nil, 0
		}
		batch, size = append(batch, c), size+n
	}
	if len(batch) > 0 {
		out = append(out, batch)
	}
	return out
}

// SameLine reports whether backup is an earlier state of the very cluster that is
// living, rather than of a line of it that ended: of one that was founded again
// from a backup, say. Both know the history of what was told; newest are the
// newest rows of the backup's, find looks a row up in the living one's.
func SameLine(living, backup *fsm.View, newest []model.Delivery, find func(seq uint64) (model.Delivery, bool)) bool {
	if living.Cluster() != backup.Cluster() || backup.Index() > living.Index() {
		return false
	}
	for _, row := range newest {
		is, there := find(row.Seq)
		if !there || !bytes.Equal(model.Encode(&is), model.Encode(&row)) {
			return false
		}
	}
	was, is := backup.Config(), living.Config()
	return was == nil || is != nil && cmp.Compare(is.Rev, was.Rev) >= 0
}
