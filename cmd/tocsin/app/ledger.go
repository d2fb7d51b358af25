package app

import (
	"context"
	"iter"

	"tocsin/cluster"
	"tocsin/fsm"
	"tocsin/fsm/model"
	"tocsin/httpapi/admin"
	"tocsin/httpapi/refusal"
)

// ledger is what was told to receivers, for the API.
type ledger struct{ machine *fsm.Machine }

// Entries are all entries of the ledger.
func (l ledger) Entries() iter.Seq[*model.Entry] { return l.machine.View().Entries() }

// Deliveries are rows of the history, newest first.
func (l ledger) Deliveries(q admin.DeliveryQuery) ([]model.Delivery, error) {
	page := fsm.HistoryQuery{Group: q.Group, Receiver: q.Receiver, Integration: q.Integration, Before: q.Before, Limit: q.Limit}
	if q.Outcome == 0 {
		return l.machine.History(page)
	}
	page.Limit = admin.MaxLimit
	var out []model.Delivery
	for len(out) < q.Limit {
		rows, err := l.machine.History(page)
		if err != nil || len(rows) == 0 {
			return out, err
		}
		for i := range rows {
			if rows[i].Outcome == q.Outcome && len(out) < q.Limit {
				out = append(out, rows[i])
			}
		}
		page.Before = rows[len(rows)-1].Seq
	}
	return out, nil
}

// members changes who is in the cluster, for the API.
type members struct{ node *cluster.Node }

// AddPeer makes a node a member.
func (m members) AddPeer(ctx context.Context, id model.NodeID, raftAddress string, voter bool) error {
	if !voter {
		return &refusal.Denied{Reason: refusal.ErrInvalid, Text: "a member without a vote cannot be added by hand: it gets its vote once it has caught up"}
	}
	return refused(m.node.AddPeer(ctx, id, raftAddress))
}

// RemovePeer takes a node out of the cluster.
func (m members) RemovePeer(ctx context.Context, id model.NodeID) error {
	return refused(m.node.RemovePeer(ctx, id))
}

// TransferLeadership makes another voter lead.
func (m members) TransferLeadership(ctx context.Context, to model.NodeID) error {
	return refused(m.node.TransferLeadership(ctx, to))
}
