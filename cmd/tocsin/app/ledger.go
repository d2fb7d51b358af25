package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"tocsin/cluster"
	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/httpapi/access"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

// ledger is what was told to receivers, for the API.
type ledger struct {
	machine *fsm.Machine
	node    *cluster.Node
}

// Entries are all entries of the ledger.
func (l ledger) Entries() iter.Seq[*model.Entry] { return l.machine.View().Entries() }

// Deliveries are what was sent without a quorum and is not in the history yet,
// if the first page is asked for, and then rows of the history, newest first.
func (l ledger) Deliveries(q admin.DeliveryQuery) ([]model.Delivery, error) {
	var out []model.Delivery
	if q.Before == 0 {
		out = l.unmerged(q)
	}
	if len(out) == q.Limit {
		return out, nil
	}
	rows, err := l.machine.History(fsm.HistoryQuery{
		Group: q.Group, Receiver: q.Receiver, Integration: q.Integration, Outcome: q.Outcome,
		Before: q.Before, Limit: q.Limit - len(out),
	})
	return append(out, rows...), err
}

func (l ledger) unmerged(q admin.DeliveryQuery) []model.Delivery {
	var out []model.Delivery
	same := func(want, have string) bool { return want == "" || want == have }
	for _, o := range l.node.Unmerged() {
		d := o.Delivery
		d.Seq, d.Degraded = 0, true
		if len(out) == q.Limit {
			break
		}
		if d.Outcome != 0 && (q.Outcome == 0 || q.Outcome == d.Outcome) &&
			same(q.Group, d.Key.Group) && same(q.Receiver, d.Key.Receiver) && same(q.Integration, d.Key.Integration) {
			out = append(out, d)
		}
	}
	return out
}

// members changes who is in the cluster, for the API.
type members struct{ node *cluster.Node }

// AddPeer makes a node a member.
func (m members) AddPeer(ctx context.Context, id model.NodeID, raftAddress string, voter bool) error {
	if !voter {
		return &refusal.Denied{Reason: refusal.ErrInvalid, Text: "a member without a vote cannot be added by hand: it gets its vote once it has caught up"}
	}
	return m.noted(ctx, command.Note("node.add", string(id), raftAddress), func() error {
		return m.node.AddPeer(ctx, id, raftAddress)
	})
}

// ChangePeer changes a member, which is named by its ID or name.
func (m members) ChangePeer(ctx context.Context, idOrName string, change admin.PeerChange) (did string, err error) {
	id, err := m.node.FindPeer(idOrName)
	if err != nil {
		return "", refused(err)
	}
	note := command.Note("node."+change.Verb, string(id), strings.TrimSpace(change.Address+map[bool]string{true: " by force"}[change.Force]))
	err = m.noted(ctx, note, func() (err error) {
		did, err = m.node.Tend(ctx, cluster.Tending{Verb: cluster.Verb(change.Verb), Node: id, Address: change.Address, Force: change.Force})
		return err
	})
	return did, err
}

// TransferLeadership makes another voter lead: the one of an ID or a name, or any.
func (m members) TransferLeadership(ctx context.Context, to model.NodeID) (string, error) {
	if to != "" {
		var err error
		if to, err = m.node.FindPeer(string(to)); err != nil {
			return "", refused(err)
		}
	}
	if st := m.node.Status(); to != "" && st.Leader == to {
		return m.named(to) + " leads already: nothing to do", nil
	}
	err := m.noted(ctx, command.Note("leadership.transfer", string(to), ""), func() error {
		return m.node.TransferLeadership(ctx, to)
	})
	return m.named(m.node.Status().Leader) + " leads now", err
}

// named is a node for people.
func (m members) named(id model.NodeID) string {
	for _, p := range m.node.ListPeers() {
		if p.ID == id && p.Name != "" && p.Name != string(id) {
			return fmt.Sprintf("node %s (%s)", p.Name, id)
		}
	}
	return "node " + string(id)
}

// LookAround asks all nodes how they are.
func (m members) LookAround(ctx context.Context) { m.node.LookAround(ctx) }

// Autopilot is how the cluster tends its members by itself.
func (m members) Autopilot() admin.Autopilot { return admin.Autopilot(m.node.Autopilot()) }

// SetAutopilot changes that.
func (m members) SetAutopilot(ctx context.Context, a admin.Autopilot) error {
	err := m.node.SetAutopilot(ctx, access.Actor(ctx), cluster.Autopilot(a))
	if errors.Is(err, cluster.ErrAutopilot) {
		return detailed(refusal.ErrInvalid, err.Error())
	}
	return refused(err)
}

// noted does what is no command of the state machine. It is noted in the audit
// before, since the node may be no member after; that it failed is noted, too.
func (m members) noted(ctx context.Context, note command.Signed, do func() error) error {
	who := access.Actor(ctx)
	if _, err := m.node.ProposeAs(ctx, who, note); err != nil {
		return refused(err)
	}
	err := do()
	if err != nil {
		failed := command.Note(note.Action+".failed", note.Target, err.Error())
		_, _ = m.node.ProposeAs(ctx, who, failed) // the error itself is what counts
	}
	return refused(err)
}
