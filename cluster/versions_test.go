package cluster_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"

	"tocsin/cluster"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// TestANewClusterUsesTheNewestCommandsAtOnce: nobody has to wait for an upgrade
// that there is none of.
func TestANewClusterUsesTheNewestCommandsAtOnce(t *testing.T) {
	bubble(t, func(r *rig) {
		nodes := r.trio()
		for _, n := range nodes {
			if got := n.machine.View().MinVersion(); got != command.Version {
				t.Errorf("node %d: command version %d, want %d", n.i, got, command.Version)
			}
		}
		stopAll(nodes...)
	})
}

// TestAnOldMemberHoldsNewCommandsBack: what one member does not know is refused
// by its name, at every node, and a person's change goes without the audit. When
// that member knows it, the same command goes through.
func TestAnOldMemberHoldsNewCommandsBack(t *testing.T) {
	bubble(t, func(r *rig) {
		old := func(o *cluster.Options) { o.Knows = 1 }
		all := []option{peers(1, 2, 3), expect(3)}
		nodes := []*node{r.start(1, all...), r.start(2, all...), r.start(3, append(all, old)...)}
		for _, n := range nodes {
			<-n.Ready()
		}
		r.until(10*time.Second, "version 1 is agreed on", func() bool { return nodes[0].machine.View().MinVersion() == 1 })
		record := command.PutRecord{Record: model.RecordBackup, Name: "x", Body: []byte("y")}
		ctx := context.Background()
		for _, n := range nodes {
			_, err := n.Propose(ctx, record)
			if !errors.Is(err, cluster.ErrTooNew) || !strings.Contains(err.Error(), "am3") || strings.Contains(err.Error(), "am1") {
				t.Errorf("node %d: %v", n.i, err)
			}
		}
		signed := command.SignedBy(model.Actor{Name: "local"}, nodes[0].ID(), token(1), silence("s"))
		if rs, err := nodes[0].Propose(ctx, signed, command.SignedBy(model.Actor{}, "", token(2), command.Note("a.b", "", ""))); err != nil || !rs[0].Done() || !rs[1].Done() {
			t.Errorf("a person's change: %v %v", rs, err)
		}
		if !nodes[0].has("s") || nodes[0].machine.View().AuditCount() != 0 {
			t.Error("the change is not there, or is in the audit")
		}
		nodes[2].stop()
		if _, err := nodes[0].Propose(ctx, record); !errors.Is(err, cluster.ErrTooNew) || !strings.Contains(err.Error(), "am3") {
			t.Errorf("while the old one is away: %v", err)
		}
		nodes[2] = r.start(3, all...)
		<-nodes[2].Ready()
		r.until(10*time.Second, "the newest version is agreed on", func() bool {
			return nodes[0].machine.View().MinVersion() == command.Version
		})
		if rs, err := nodes[0].Propose(ctx, record); err != nil || !rs[0].Done() {
			t.Errorf("once all are new: %v %v", rs, err)
		}
		r.sameState(nodes...)
		// An old one may not come in any more, and is told why.
		late := r.start(4, peers(1, 2, 3), old)
		time.Sleep(10 * time.Second)
		if late.isReady() || !strings.Contains(late.Status().Waiting, "upgrade it first") {
			t.Errorf("an old node waits for %q", late.Status().Waiting)
		}
		stopAll(append(nodes, late)...)
	})
}

// TestAnOldMemberIsNotToldOfLeases: that a message left in time is a field that an
// old program cannot read. It would have to stop, so it does not get it.
func TestAnOldMemberIsNotToldOfLeases(t *testing.T) {
	bubble(t, func(r *rig) {
		old := func(o *cluster.Options) { o.Knows = 1 }
		all := []option{peers(1, 2), expect(2)}
		nodes := []*node{r.start(1, all...), r.start(2, append(all, old)...)}
		for _, n := range nodes {
			<-n.Ready()
		}
		k, tok := key("k"), token(9)
		if g, err := nodes[0].claim(k, tok); err != nil || g.Denied != model.DeniedNot {
			r.Fatal(g, err)
		}
		err := nodes[0].Settle(context.Background(), model.Settlement{
			Key: k, Token: tok, Node: nodes[0].ID(), Firing: model.NewAlertSet(1, 2),
			Delivery: model.Delivery{ID: "d", Outcome: model.OutcomeSent, InLease: true},
		})
		if err != nil {
			r.Fatal(err)
		}
		rows := 0
		for _, n := range nodes {
			n.stop()
		}
		for _, l := range r.logged(1) {
			if len(l.Commands) == 1 && l.Commands[0].Kind() == command.KindSettle {
				rows++
				if l.Version != 1 || l.Commands[0].(command.Settle).Delivery.InLease {
					t.Errorf("the settlement in the log is of version %d: %+v", l.Version, l.Commands[0])
				}
			}
		}
		if rows != 1 {
			t.Errorf("%d settlements are in the log", rows)
		}
	})
}

// logged are the envelopes in the log of a node that does not run.
func (r *rig) logged(i int) (out []command.Envelope) {
	r.Helper()
	file, err := raftboltdb.New(raftboltdb.Options{Path: filepath.Join(r.dir(i), "raft", "raft.db"), MsgpackUseNewTimeFormat: true})
	if err != nil {
		r.Fatal(err)
	}
	defer file.Close()
	first, _ := file.FirstIndex()
	last, _ := file.LastIndex()
	for at := first; at <= last; at++ {
		var l raft.Log
		if err := file.GetLog(at, &l); err != nil {
			r.Fatal(err)
		}
		if l.Type != raft.LogCommand {
			continue
		}
		e, err := command.Decode(l.Data)
		if err != nil {
			r.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}
