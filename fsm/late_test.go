package fsm_test

import (
	"testing"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// A sender that was frozen after its send says so when others have told the
// beginning once more and then the end. It was sent while its claim was good, so
// the end is as certain as before; sent later, or said by a program that does not
// know, it is in doubt what came last.
func TestLateSettlementOfWhatWasSentInTime(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version uint32
		inLease bool
		overlay bool // it is reported by an overlay
		doubt   string
	}{
		{"in time", 2, true, false, ""},
		{"in time, by an overlay", 2, true, true, ""},
		{"late", 2, false, false, "a"},
		{"late, by an overlay", 2, false, true, "a"},
		{"not every voter knows", 1, true, false, "a"},
		{"not every voter knows, by an overlay", 1, true, true, "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newReplica(t)
			r.ok(0, command.PutNode{Node: model.Node{ID: "n1"}})
			r.ok(0, command.PutNode{Node: model.Node{ID: "n2"}})
			r.ok(0, command.SetMinVersion{Version: tt.version})
			rev := func() uint64 {
				e, _ := r.View().Entry(theKey)
				if e == nil {
					return 0
				}
				return e.Rev
			}
			claim := func(tok string, of model.NodeID, firing, resolved string) {
				r.ok(0, command.Claim{ClaimRequest: model.ClaimRequest{
					Key: theKey, Token: token(tok), Node: of, BaseRev: rev(), Firing: alerts(firing), Resolved: alerts(resolved),
				}})
			}
			row := model.Delivery{Outcome: model.OutcomeSent, InLease: true}
			settle := func(tok string, of model.NodeID, firing, resolved string, row model.Delivery) {
				r.ok(0, command.Settle{Settlement: model.Settlement{
					Key: theKey, Token: token(tok), Node: of, Firing: alerts(firing), Resolved: alerts(resolved), Delivery: row,
				}})
			}
			claim("t1", "n1", "a", "")
			granted := rev()
			r.ok(0, command.Expire{Expiry: model.Expiry{Key: theKey, Token: token("t1")}})
			claim("t2", "n2", "a", "")
			settle("t2", "n2", "a", "", row)
			claim("t3", "n2", "", "a")
			settle("t3", "n2", "", "a", row)

			before := *must(t)(r.View().Entry(theKey))
			late := model.Delivery{Token: token("t1"), Outcome: model.OutcomeSent, InLease: tt.inLease}
			if tt.overlay {
				r.ok(0, command.MergeOverlay{Overlay: model.Overlay{
					Key: theKey, Origin: "n1", Epoch: 1, Seq: 1, BaseRev: granted, Must: alerts("a"), Delivery: late,
				}})
			}
			settle("t1", "n1", "a", "", late)

			e := *must(t)(r.View().Entry(theKey))
			if !e.Maybe.Equal(alerts(tt.doubt)) || len(e.Must) > 0 || e.Resolved.Has('a') == (tt.doubt != "") {
				t.Errorf("entry %+v", e)
			}
			if same := e.Rev == before.Rev && e.Gen == before.Gen; same == (tt.doubt != "") {
				t.Errorf("revision %d, generation %d; before %d, %d", e.Rev, e.Gen, before.Rev, before.Gen)
			}
			if len(e.Lapsed) != 0 {
				t.Errorf("the claim is still waited for: %+v", e.Lapsed)
			}
		})
	}
}

func must(t *testing.T) func(*model.Entry, bool) *model.Entry {
	t.Helper()
	return func(e *model.Entry, ok bool) *model.Entry {
		t.Helper()
		if !ok {
			t.Fatal("no entry")
		}
		return e
	}
}
