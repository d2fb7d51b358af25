package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// Command versions. The state says which one every member knows; nothing newer is
// proposed, because a member that does not know a command has to stop. The leader
// raises it when all members say that they know more. So a cluster of old and new
// nodes works as an old one, and becomes a new one when the last node is new.

// ErrTooNew says that a command is newer than a member of the cluster. The error
// is a *TooNewError.
var ErrTooNew = errors.New("not every node of the cluster knows this yet")

// TooNewError is ErrTooNew with what has to be done.
type TooNewError struct {
	// Need is the command version that was needed, Have the one that all
	// members know.
	Need, Have uint32
	// Old are the members that know less than Need, by name, with the version
	// of their program; none if they have only not been asked yet.
	Old []string
}

// Error names the nodes that are too old.
func (e *TooNewError) Error() string {
	if len(e.Old) == 0 {
		return fmt.Sprintf("%v: it needs command version %d, and the cluster is about to go from %d to it; try again in a moment", ErrTooNew, e.Need, e.Have)
	}
	return fmt.Sprintf("%v: it needs command version %d, and %s cannot apply that; upgrade it, or remove it from the cluster, and try again",
		ErrTooNew, e.Need, strings.Join(e.Old, " and "))
}

// Is makes errors.Is(err, ErrTooNew) hold.
func (e *TooNewError) Is(target error) bool { return target == ErrTooNew }

// versionsInterval is how often the leader looks at what the members know.
const versionsInterval = 500 * time.Millisecond

// commandVersion is the newest that may be proposed.
func (n *Node) commandVersion() uint32 { return max(1, n.opts.Machine.View().MinVersion()) }

// fit makes cmds such that every member knows them, or says why that cannot be.
// Where members are too old for the audit, a person's change goes without it: it
// must not wait for an upgrade.
func (n *Node) fit(cmds []command.Command) ([]command.Command, error) {
	have := n.commandVersion()
	if command.Needs(cmds...) <= have {
		return cmds, nil
	}
	out := slices.Clone(cmds)
	unsigned := false
	for i, c := range out {
		out[i] = command.Lower(c, have)
		signed, ok := c.(command.Signed)
		switch {
		case !ok || signed.Kind().Since() <= have:
		case signed.Command == nil:
			out[i], unsigned = command.GC{}, true // does nothing
		default:
			out[i], unsigned = signed.Command, true
		}
	}
	if need := command.Needs(out...); need > have {
		return nil, n.tooNew(need, have)
	}
	if unsigned {
		n.log.Warn("a change is not in the audit, because not every node of the cluster knows the audit yet: upgrade them")
	}
	return out, nil
}

func (n *Node) tooNew(need, have uint32) error {
	e := &TooNewError{Need: need, Have: have}
	for _, m := range n.knowledge() {
		if m.commands < need {
			e.Old = append(e.Old, fmt.Sprintf("node %s (tocsin %s)", cmp.Or(m.name, string(m.id)), cmp.Or(m.version, "of unknown version")))
		}
	}
	return e
}

// knows is what a member can apply, as far as is known.
type knows struct {
	id            model.NodeID
	name, version string
	commands      uint32 // 0 = not known
}

// knowledge is what all members can apply, by ID: as they say themselves, or as
// they said when they were last there.
func (n *Node) knowledge() []knows {
	e := n.engine.Load()
	if e == nil {
		return nil
	}
	cfg, _ := e.configuration()
	view := n.opts.Machine.View()
	var out []knows
	for _, s := range cfg.Servers {
		k := knows{id: model.NodeID(s.ID)}
		if r, ok := view.Node(k.id); ok {
			k.name, k.version, k.commands = r.Name, r.Version, r.Commands
		}
		if m, ok := n.member(k.id); ok && m.Alive && m.Commands > 0 {
			k.name, k.version, k.commands = m.Name, m.Version, m.Commands
		}
		if k.id == n.id {
			k.name, k.version, k.commands = n.opts.Name, n.opts.Version, n.opts.Knows
		}
		out = append(out, k)
	}
	return out
}

// commonVersion is the newest command version that all members know, 0 if that of
// one is not known.
func (n *Node) commonVersion() uint32 {
	common := n.opts.Knows
	for _, k := range n.knowledge() {
		common = min(common, k.commands)
	}
	return common
}

// runVersions raises what may be proposed when all members know more.
func (l *leadership) runVersions() {
	for sleep(l.ctx, versionsInterval) {
		// No member may come in between the look and the word.
		l.n.membership.Lock()
		l.raiseVersion(l.ctx)
		l.n.membership.Unlock()
	}
}

func (l *leadership) raiseVersion(ctx context.Context) {
	have, common := l.n.opts.Machine.View().MinVersion(), l.n.commonVersion()
	if common <= have {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flightTime)
	defer cancel()
	if _, err := l.propose(ctx, command.SetMinVersion{Version: common}); err != nil {
		if l.ctx.Err() == nil {
			l.n.log.Warn("raising the cluster's command version failed; it will be tried again", "err", err)
		}
		return
	}
	if have > 0 {
		l.n.log.Info("every node of the cluster knows the newer commands: they are used from now on", "from", have, "to", common)
	}
}

// commandsOf is what a node knows that is to be added by hand: it cannot be asked
// before it is a member, and is taken at its gossip's word or trusted.
func (n *Node) commandsOf(id model.NodeID) uint32 {
	if m, ok := n.member(id); ok && m.Commands > 0 {
		return m.Commands
	}
	return n.commandVersion()
}
