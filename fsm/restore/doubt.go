package restore

import (
	"fmt"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// origin names where overlays come from that a restore makes: from no node.
func origin(backup *fsm.View) model.NodeID {
	return model.NodeID(fmt.Sprintf("restore:%016x", backup.StateHash()))
}

// doubt brings in what receivers may have been told by the cluster that the
// backup is of.
func (p *Plan) doubt(backup *fsm.View) {
	for e := range backup.Entries() {
		if o := doubtful(e, origin(backup)); len(o.Maybe) > 0 {
			p.Commands = append(p.Commands, command.MergeOverlay{Overlay: o})
			p.Doubted++
		}
	}
}

// doubtful is what an entry says after it is not known any more what was told
// since: every alert that was, or may have been, told firing may be so still.
func doubtful(e *model.Entry, from model.NodeID) model.Overlay {
	maybe := e.Must.Union(e.Maybe)
	if e.Claim != nil {
		maybe = maybe.Union(e.Claim.Firing)
	}
	return model.Overlay{
		Key: e.Key, Origin: from, Epoch: 1, Seq: 1, Stamp: e.Stamp, Data: e.Data, Maybe: maybe,
	}
}

// Found is what a cluster begins with that is founded from a backup: the nodes of
// the old one are gone and their claims are over, and nothing that its ledger says
// is certain. It is empty for a state that has none of that. doubted is the number
// of entries that come in doubt.
func Found(backup *fsm.View) (cmds []command.Command, doubted int) {
	for e := range backup.Claims() {
		cmds = append(cmds, command.Expire{Expiry: model.Expiry{Key: e.Key, Token: e.Claim.Token}})
	}
	for e := range backup.Entries() {
		if len(e.Must)+len(e.Maybe)+len(e.Resolved) == 0 && e.Claim == nil {
			continue
		}
		o := doubtful(e, origin(backup))
		cmds = append(cmds, command.MergeOverlay{Overlay: o})
		doubted++
	}
	for n := range backup.Nodes() {
		cmds = append(cmds, command.RemoveNode{ID: n.ID})
	}
	return cmds, doubted
}
