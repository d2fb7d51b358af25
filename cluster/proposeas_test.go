package cluster_test

import (
	"context"
	"testing"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// What somebody changes leaves a row on every node, whichever was asked; what the
// program does by itself leaves none.
func TestProposeAs(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		n := others(nodes, leaderOf(nodes...))[0]
		ctx := context.Background()
		if _, err := n.Propose(ctx, command.SetMinVersion{Version: 2}); err != nil {
			r.Fatal(err)
		}
		put := func(name string) command.Command {
			return command.PutRecord{Record: model.RecordPolicy, Name: name}
		}
		ann := model.Actor{Name: "token:ann", Address: "10.0.0.9"}
		got, err := n.ProposeAs(ctx, ann, put("a"), command.As(put("b"), "policy.invent", "b", "why not"), command.Note("node.remove", "n9", ""))
		if err != nil || len(got) != 3 || got[0].Code != command.CodeOK || got[2].Code != command.CodeOK {
			r.Fatalf("answered %+v, %v", got, err)
		}
		got, err = n.ProposeAs(ctx, model.Actor{}, put("c"), command.Note("node.remove", "n9", ""), command.As(put("d"), "x", "", ""))
		if err != nil || len(got) != 3 || got[0].Rev == 0 || got[2].Rev == 0 {
			r.Fatalf("by itself, it answered %+v, %v", got, err)
		}
		for _, name := range []string{"a", "b", "c", "d"} {
			if _, ok := n.machine.View().Record(model.RecordPolicy, name); !ok {
				r.Errorf("there is no record %s", name)
			}
		}
		rows, err := n.machine.Audit(fsm.AuditQuery{Who: "ann"})
		if err != nil || len(rows) != 3 {
			r.Fatalf("the audit is %+v, %v", rows, err)
		}
		for i, want := range []string{"node.remove", "policy.invent", "policy.create"} {
			if a := rows[i]; a.Action != want || a.Who != ann || a.Node != n.ID() || a.Outcome != "ok" || a.Stamp == 0 {
				r.Errorf("row %d is %+v", i, a)
			}
		}
		if rows, err := n.machine.Audit(fsm.AuditQuery{}); err != nil || len(rows) != 3 {
			r.Errorf("all rows are %+v, %v", rows, err)
		}
		r.sameState(nodes...)
		stopAll(nodes...)
	})
}
