package dispatcher

import (
	"errors"
	"slices"
	"sync/atomic"

	"tocsin/fsm/model"
)

// errOvertaken is why a message is kept back: since it was decided on, somebody
// else has told something about its key, or may have.
var errOvertaken = errors.New("what is to be told may be overtaken")

// fence keeps back a message that was decided on too long ago. It is asked before
// each try and again right before something is written, so that a process which
// was stopped in between looks at its lease and at the ledger before anything
// else: an older state must not follow a newer one (I9, I17).
type fence struct {
	ask func() error
	// closed: something was kept back.
	closed atomic.Bool
}

// check is an error if the message may not be written any more.
func (f *fence) check() error {
	err := f.ask()
	if err != nil {
		f.closed.Store(true)
	}
	return err
}

// claimFence is that of a message which is sent under a claim: the lease must
// last, and the entry be as it was at the grant.
func (d *delivery) claimFence(l *lease, token model.Token) *fence {
	core := d.group.epoch.core
	return &fence{ask: func() error {
		if l.left() <= 0 {
			return errLeaseOver
		}
		e, ok := core.opts.Ledger.Entry(d.key)
		if !ok || e.Claim == nil || e.Claim.Token != token || e.Rev != e.Claim.Rev {
			return errOvertaken
		}
		return nil
	}}
}

// soloFence is that of a message which is sent without a quorum. There is no
// claim that could end; but the process must not have stood still, neither the
// ledger nor the other nodes of the island have told anything since, and there is
// still no quorum, here or elsewhere.
func (d *delivery) soloFence(l *lease, s step) *fence {
	core := d.group.epoch.core
	rev, others := s.entry.Rev, d.others(s.marks)
	refused := d.pace.refused
	return &fence{ask: func() error {
		if l.left() <= 0 {
			return errLeaseOver
		}
		if e, ok := core.opts.Ledger.Entry(d.key); ok && e.Rev != rev {
			return errOvertaken
		}
		if !slices.Equal(others, d.others(marksOf(core.opts.Overlay.Overlays(d.key)))) {
			return errOvertaken
		}
		if m := core.mode(); m.elsewhere || !refused && !m.degraded {
			return errOvertaken
		}
		return nil
	}}
}

// others are marks without those of this node.
func (d *delivery) others(marks []model.OverlayMark) []model.OverlayMark {
	return slices.DeleteFunc(slices.Clone(marks), func(m model.OverlayMark) bool { return m.Origin == d.group.epoch.core.opts.Node })
}
