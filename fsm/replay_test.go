package fsm_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

var someKey = rapid.SampledFrom([]model.DeliveryKey{theKey, {Group: "g2", Receiver: "r"}, {Group: "g3", Receiver: "r"}})

// drawCommand is any command; v helps it to be one that does something.
func drawCommand(t *rapid.T, v *fsm.View) command.Command {
	key := someKey.Draw(t, "key")
	var rev uint64
	tok := someToken.Draw(t, "token")
	if e, ok := v.Entry(key); ok {
		rev = e.Rev
		if e.Claim != nil && rapid.Bool().Draw(t, "live") {
			tok = e.Claim.Token
		}
	}
	firing := someAlerts.Draw(t, "firing")
	resolved := someAlerts.Draw(t, "resolved").Minus(firing)
	id := fmt.Sprint("s", rapid.IntRange(0, 4).Draw(t, "silence"))
	node := someNode.Draw(t, "node")
	at := someStamp.Draw(t, "at")
	row := model.Delivery{ID: "d", Outcome: model.OutcomeSent, Error: "e"}
	switch rapid.IntRange(0, 19).Draw(t, "kind") {
	case 0:
		return command.FoundCluster{ID: model.ClusterID(rapid.SampledFrom([]string{"c1", "c2"}).Draw(t, "cluster"))}
	case 1:
		c := configOf(string(tok.String()), name(tok))
		c.BaseRev = rapid.Uint64Range(0, 3).Draw(t, "base")
		return c
	case 2, 3:
		c := command.PutSilence{Silence: model.Silence{ID: id, StartsAt: at, EndsAt: at + 20, Comment: name(tok)}, MaxSilences: 4}
		if s, ok := v.Silence(id); ok {
			c.BaseRev = s.Rev
		}
		return c
	case 4:
		return command.ExpireSilence{ID: id, At: at}
	case 5:
		return command.Settle{Settlement: model.Settlement{Key: key, Token: tok, Node: node, Firing: firing, Resolved: resolved, Delivery: row}}
	case 6:
		return command.Release{Release: model.Release{Key: key, Token: tok, Node: node, Failed: at > 50, NotBefore: at, Delivery: row}}
	case 7:
		return command.Expire{Expiry: model.Expiry{Key: key, Token: tok}}
	case 8:
		return command.MergeOverlay{Overlay: model.Overlay{
			Key: key, Origin: node, Epoch: 1, Seq: uint64(at), BaseRev: rev, Must: firing, Resolved: resolved, Delivery: row,
		}}
	case 9:
		return command.PutNode{Node: model.Node{ID: node, Name: name(tok)}}
	case 10:
		return command.RemoveNode{ID: node}
	case 11:
		return command.GC{SilencesBefore: at, EntriesBefore: at, HistoryBefore: at, HistoryMax: uint64(at)}
	case 12:
		return command.SetMinVersion{Version: 1}
	case 13:
		return drawRecord(t, v, name(tok))
	case 14:
		return command.DropRecord{Record: someRecordKind.Draw(t, "record"), Name: "a", BaseRev: model.AnyRev}
	case 15:
		return command.SignedBy(model.Actor{Name: "token:" + name(tok)}, node, tok, drawRecord(t, v, name(tok)))
	case 16:
		return command.SignedBy(model.Actor{Name: "local"}, node, tok, command.Note("node.remove", string(node), ""))
	default:
		var configRev uint64
		if c := v.Config(); c != nil {
			configRev = c.Rev
		}
		return command.Claim{ClaimRequest: model.ClaimRequest{
			Key: key, Token: tok, Node: node, BaseRev: rev, ConfigRev: configRev, Firing: firing, Resolved: resolved,
		}}
	}
}

var someRecordKind = rapid.SampledFrom([]model.RecordKind{model.RecordPKI, model.RecordAPIToken, 99})

func drawRecord(t *rapid.T, v *fsm.View, body string) command.Command {
	c := command.PutRecord{
		Record: someRecordKind.Draw(t, "record"), Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "record name"), Body: []byte(body),
	}
	if old, ok := v.Record(c.Record, c.Name); ok {
		c.BaseRev = old.Rev
	} else if rapid.Bool().Draw(t, "any") {
		c.BaseRev = model.AnyRev
	}
	return c
}

// drawLog drives a replica and leaves the log in it: commands alone and several
// together, no-ops, and junk.
func drawLog(t *rapid.T, r *replica, entries int) {
	for range entries {
		index := r.View().Index() + rapid.Uint64Range(1, 3).Draw(t, "step")
		switch rapid.IntRange(0, 9).Draw(t, "entry") {
		case 0:
			r.apply(fsm.LogEntry{Index: index, Term: 1})
		case 1:
			r.apply(fsm.LogEntry{Index: index, Term: 1, Data: []byte("junk")})
		default:
			var cmds []command.Command
			for range rapid.IntRange(1, 3).Draw(t, "commands") {
				cmds = append(cmds, drawCommand(t, r.View()))
			}
			r.apply(logged(r.t, index, someStamp.Draw(t, "stamp"), cmds...))
		}
	}
}

// I5: the same log makes the same state on every node, however it is cut into
// batches, wherever a node was restarted, and from whichever snapshot it came.
func TestSameLogSameState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		first := newReplica(t)
		drawLog(rt, first, 30)
		want, hash := first.dump(), first.View().StateHash()

		path := filepath.Join(t.TempDir(), "state.db")
		second := openReplica(t, path)
		for at := 0; at < len(first.log); {
			// After a restart the log comes again from somewhere before.
			from := max(0, at-rapid.IntRange(0, 5).Draw(rt, "replayed"))
			at = min(len(first.log), at+rapid.IntRange(1, 12).Draw(rt, "batch"))
			second.apply(first.log[from:at]...)
			switch rapid.IntRange(0, 4).Draw(rt, "then") {
			case 0:
				second.close()
				second = openReplica(t, path)
			case 1:
				snap := second.dump()
				second = newReplica(t)
				if rapid.Bool().Draw(rt, "into a used one") && second.View().Cluster() == "" {
					drawLog(rt, second, 3)
				}
				if err := second.Restore(bytes.NewReader(snap)); err != nil {
					// The used one may have been founded as another cluster.
					second = newReplica(t)
					if err := second.Restore(bytes.NewReader(snap)); err != nil {
						rt.Fatal(err)
					}
				}
				path = second.state.Path()
			}
		}
		if got := second.View(); got.StateHash() != hash || got.Index() != first.View().Index() {
			rt.Fatalf("hash %x at %d, want %x at %d", got.StateHash(), got.Index(), hash, first.View().Index())
		}
		if !bytes.Equal(second.dump(), want) {
			rt.Fatal("the hashes are equal and the states are not")
		}
		sameViews(rt, first.View(), second.View())
		// The view is what the file says: reading the file anew makes the same.
		third := newReplica(t)
		if err := third.Restore(bytes.NewReader(want)); err != nil {
			rt.Fatal(err)
		}
		sameViews(rt, first.View(), third.View())
	})
}

func sameViews(t *rapid.T, a, b *fsm.View) {
	t.Helper()
	text := func(v *fsm.View) string {
		s := fmt.Sprint(v.Index(), v.Term(), v.StateHash(), v.Cluster(), v.MinVersion(), v.SilenceRev(), v.ClaimCount(), v.AuditCount())
		for e := range v.Entries() {
			s += fmt.Sprintf("\n%x", model.Encode(e))
		}
		for sil := range v.Silences() {
			s += fmt.Sprintf("\n%+v", *sil)
		}
		for n := range v.Nodes() {
			s += fmt.Sprintf("\n%+v", n)
		}
		for k := range model.RecordKind(100) {
			for r := range v.Records(k) {
				s += fmt.Sprintf("\n%+v", r)
			}
		}
		if c := v.Config(); c != nil {
			s += fmt.Sprintf("\n%+v", *c)
		}
		return s
	}
	if text(a) != text(b) {
		t.Fatalf("views differ:\n%s\n\n%s", text(a), text(b))
	}
}

// A node that went another way is found by its hash.
func TestHashTellsStatesApart(t *testing.T) {
	seen := map[uint64]string{}
	for _, f := range []struct {
		name string
		cmds []command.Command
	}{
		{"nothing", nil},
		{"a node", []command.Command{command.PutNode{Node: model.Node{ID: "n1"}}}},
		{"another node", []command.Command{command.PutNode{Node: model.Node{ID: "n2"}}}},
		{"a cluster", []command.Command{command.FoundCluster{ID: "c1"}}},
		{"a silence", []command.Command{command.PutSilence{Silence: model.Silence{ID: "a"}}}},
		{"a claim denied", []command.Command{command.Claim{ClaimRequest: model.ClaimRequest{Key: theKey, Token: token("t"), Node: "n1"}}}},
		{"a minimum version", []command.Command{command.SetMinVersion{Version: 1}}},
		{"a record", []command.Command{command.PutRecord{Record: 1, Name: "a"}}},
		{"a record of another kind", []command.Command{command.PutRecord{Record: 2, Name: "a"}}},
		{"a record with a body", []command.Command{command.PutRecord{Record: 1, Name: "a", Body: []byte("b")}}},
		{"a note", []command.Command{command.SignedBy(model.Actor{Name: "local"}, "n1", token("t"), command.Note("a", "b", ""))}},
		{"a note by somebody", []command.Command{command.SignedBy(model.Actor{Name: "unix:1"}, "n1", token("t"), command.Note("a", "b", ""))}},
	} {
		r := newReplica(t)
		r.do(1, f.cmds...)
		if other, ok := seen[r.View().StateHash()]; ok {
			t.Errorf("%s has the hash of %s", f.name, other)
		}
		seen[r.View().StateHash()] = f.name
	}
}

// I6: a command that is applied a second time, because its proposer did not
// learn of the first, changes nothing and answers as before.
func TestApplyingTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newReplica(t)
		for range 30 {
			c := drawCommand(rt, r.View())
			stamp := someStamp.Draw(rt, "stamp")
			first := r.do(stamp, c)[0]
			before := r.View()
			second := r.do(stamp, c)[0]
			after := r.View()
			if second.Code != first.Code || second.Rev != first.Rev {
				rt.Fatalf("%v %+v: answered %+v, then %+v", c.Kind(), c, first, second)
			}
			if first.Grant.Denied == model.DeniedNot && first.Grant != second.Grant {
				rt.Fatalf("granted %+v, then %+v", first.Grant, second.Grant)
			}
			sameContent(rt, c, before, after)
		}
	})
}

func sameContent(t *rapid.T, c command.Command, a, b *fsm.View) {
	t.Helper()
	same := slices.EqualFunc(slices.Collect(a.Entries()), slices.Collect(b.Entries()), func(x, y *model.Entry) bool { return x == y }) &&
		slices.EqualFunc(slices.Collect(a.Silences()), slices.Collect(b.Silences()), func(x, y *model.Silence) bool { return x == y }) &&
		slices.Equal(slices.Collect(a.Nodes()), slices.Collect(b.Nodes())) &&
		slices.EqualFunc(recordsOf(a), recordsOf(b), func(x, y model.Record) bool { return x.Rev == y.Rev }) &&
		a.Config() == b.Config() && a.Cluster() == b.Cluster() && a.MinVersion() == b.MinVersion() &&
		a.AuditCount() == b.AuditCount()
	if !same {
		t.Fatalf("applying %v %+v again changed something", c.Kind(), c)
	}
}

func recordsOf(v *fsm.View) (all []model.Record) {
	for k := range model.RecordKind(100) {
		all = slices.AppendSeq(all, v.Records(k))
	}
	return all
}
