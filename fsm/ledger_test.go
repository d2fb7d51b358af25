package fsm_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// The ledger does what the naive one does, whatever commands come.
func TestLedgerAgainstNaiveModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := &ledgerMachine{t: rt, replica: newReplica(t), naive: naive{}}
		for _, n := range []model.NodeID{"n1", "n2", "n3"} {
			l.ok(0, command.PutNode{Node: model.Node{ID: n}})
		}
		l.naive.version = rapid.IntRange(1, 2).Draw(rt, "version")
		l.ok(0, command.SetMinVersion{Version: uint32(l.naive.version)})
		rt.Repeat(rapid.StateMachineActions(l))
	})
}

type ledgerMachine struct {
	t *rapid.T
	*replica
	naive naive
	stamp model.Millis // of the last command
}

var (
	someAlerts = rapid.Custom(func(t *rapid.T) model.AlertSet {
		var s model.AlertSet
		for h := model.AlertHash('a'); h <= 'e'; h++ {
			if rapid.Bool().Draw(t, string(rune(h))) {
				s = append(s, h)
			}
		}
		return s
	})
	someToken = rapid.Custom(func(t *rapid.T) model.Token {
		return token(fmt.Sprint("t", rapid.IntRange(0, 12).Draw(t, "token")))
	})
	someNode  = rapid.SampledFrom([]model.NodeID{"n1", "n2", "n3", "stranger"})
	someStamp = rapid.Custom(func(t *rapid.T) model.Millis {
		return model.Millis(rapid.Int64Range(1, 100).Draw(t, "stamp"))
	})
)

// liveToken is mostly that of the live claim, so that claims do end.
func (l *ledgerMachine) liveToken(t *rapid.T) model.Token {
	if l.naive.claim != nil && rapid.IntRange(0, 3).Draw(t, "live") > 0 {
		return l.naive.claim.token
	}
	if n := len(l.naive.lapsed); n > 0 && rapid.Bool().Draw(t, "lapsed") {
		return l.naive.lapsed[n-1].token
	}
	return someToken.Draw(t, "token")
}

// rev is mostly the present one.
func (l *ledgerMachine) rev(t *rapid.T) uint64 {
	if rapid.IntRange(0, 3).Draw(t, "current") > 0 {
		return l.naive.rev
	}
	return rapid.Uint64Range(0, l.naive.rev).Draw(t, "rev")
}

func (l *ledgerMachine) does(t *rapid.T, c command.Command) command.Result {
	l.stamp = someStamp.Draw(t, "stamp")
	return l.do(l.stamp, c)[0]
}

func (l *ledgerMachine) settledAs(t *rapid.T, got, want command.Code) {
	t.Helper()
	if got != want {
		t.Fatalf("the answer is %v, want %v", got, want)
	}
}

func (l *ledgerMachine) Claim(t *rapid.T) {
	q := model.ClaimRequest{
		Key: theKey, Token: someToken.Draw(t, "token"), Node: someNode.Draw(t, "node"), BaseRev: l.rev(t),
		ConfigRev: l.naive.configRev - min(l.naive.configRev, uint64(rapid.IntRange(0, 9).Draw(t, "stale")/9)),
		Firing:    someAlerts.Draw(t, "firing"), MinGap: rapid.Int64Range(0, 30).Draw(t, "gap"),
	}
	q.Resolved = someAlerts.Draw(t, "resolved").Minus(q.Firing)
	index := l.View().Index() + 1
	r := l.does(t, command.Claim{ClaimRequest: q})
	denied, at := l.naive.claims(q, index, l.stamp)
	if r.Grant.Denied != denied || r.Grant.Index != at || (r.Code == command.CodeOK) != (denied == model.DeniedNot) {
		t.Fatalf("answered %+v, want %v at %d", r, denied, at)
	}
	if denied == model.DeniedTooEarly && r.Grant.RetryAfter != q.MinGap-int64(l.stamp-l.naive.stamp) {
		t.Fatalf("retry after %d", r.Grant.RetryAfter)
	}
}

func (l *ledgerMachine) Settle(t *rapid.T) {
	s := model.Settlement{Key: theKey, Token: l.liveToken(t), Node: "n1", Firing: someAlerts.Draw(t, "firing")}
	s.Resolved = someAlerts.Draw(t, "resolved").Minus(s.Firing)
	s.Delivery.Outcome = model.Outcome(rapid.IntRange(0, 1).Draw(t, "outcome"))
	s.Delivery.InLease = rapid.Bool().Draw(t, "in time")
	r := l.does(t, command.Settle{Settlement: s})
	l.settledAs(t, r.Code, l.naive.settles(s, l.stamp))
}

func (l *ledgerMachine) Release(t *rapid.T) {
	q := model.Release{
		Key: theKey, Token: l.liveToken(t), Node: "n1", Failed: rapid.Bool().Draw(t, "failed"),
		NotBefore: someStamp.Draw(t, "not before"),
	}
	r := l.does(t, command.Release{Release: q})
	l.settledAs(t, r.Code, l.naive.releases(q))
}

func (l *ledgerMachine) Expire(t *rapid.T) {
	tok := l.liveToken(t)
	r := l.does(t, command.Expire{Expiry: model.Expiry{Key: theKey, Token: tok}})
	l.settledAs(t, r.Code, l.naive.expires(tok))
}

func (l *ledgerMachine) Merge(t *rapid.T) {
	o := model.Overlay{
		Key: theKey, Origin: someNode.Draw(t, "origin"), Epoch: rapid.Uint64Range(1, 3).Draw(t, "epoch"),
		Seq: rapid.Uint64Range(1, 6).Draw(t, "seq"), BaseRev: l.rev(t), Stamp: someStamp.Draw(t, "told at"),
		Must: someAlerts.Draw(t, "must"), Resolved: someAlerts.Draw(t, "resolved"),
	}
	o.Maybe = someAlerts.Draw(t, "maybe").Minus(o.Must)
	claims := slices.Clone(l.naive.lapsed)
	if l.naive.claim != nil {
		claims = append(claims, *l.naive.claim)
	}
	if n := len(l.naive.ended); n > 0 && rapid.Bool().Draw(t, "settled") {
		claims = append(claims, naiveClaim{token: l.naive.ended[n-1].token, node: "n1", rev: max(l.naive.rev, 1) - 1})
	}
	if len(claims) > 0 && rapid.Bool().Draw(t, "settles") {
		c := claims[len(claims)-1]
		o.Delivery = model.Delivery{Token: c.token, Outcome: model.Outcome(rapid.IntRange(0, 2).Draw(t, "outcome"))}
		o.Origin = rapid.SampledFrom([]model.NodeID{c.node, c.node, "n1"}).Draw(t, "of")
		o.BaseRev = rapid.SampledFrom([]uint64{c.rev, c.rev, o.BaseRev}).Draw(t, "on")
		o.Epoch, o.Seq = 3, l.View().Index()
		o.Delivery.InLease = rapid.Bool().Draw(t, "in time")
	}
	// A node does not go back behind what an overlay of its own was built on.
	for _, line := range l.naive.lines {
		if line.origin == o.Origin {
			o.BaseRev = max(o.BaseRev, line.base)
		}
	}
	r := l.does(t, command.MergeOverlay{Overlay: o})
	l.settledAs(t, r.Code, l.naive.merges(o))
}

func (l *ledgerMachine) Collect(t *rapid.T) {
	before := someStamp.Draw(t, "before")
	l.settledAs(t, l.does(t, command.GC{EntriesBefore: before}).Code, command.CodeOK)
	l.naive.collects(before)
}

func (l *ledgerMachine) Config(t *rapid.T) {
	l.does(t, configOf("route: {}", fmt.Sprint(l.View().Index())))
	l.naive.configRev++
}

// Check compares the whole entry after each command.
func (l *ledgerMachine) Check(t *rapid.T) {
	n := &l.naive
	e, exists := l.View().Entry(theKey)
	if exists != n.exists {
		t.Fatalf("the entry exists: %v", exists)
	}
	if !exists {
		return
	}
	// Changed is the stamp of the last command that moved the revision.
	n.changed = e.Changed
	must, maybe, resolved := n.sets()
	got := fmt.Sprint(e.Rev, e.Gen, e.Stamp, e.Attempt, e.NotBefore, e.Must, e.Maybe, e.Resolved)
	want := fmt.Sprint(n.rev, n.gen, n.stamp, n.attempt, n.notBefore, must, maybe, resolved)
	if got != want {
		t.Fatalf("rev gen stamp attempt notBefore must maybe resolved:\n%s, want\n%s\n%s", got, want, describe(l.View(), theKey))
	}
	if (e.Claim != nil) != (n.claim != nil) || e.Claim != nil && (e.Claim.Token != n.claim.token || e.Claim.Rev != n.claim.rev) {
		t.Fatalf("the claim is %+v, want %+v", e.Claim, n.claim)
	}
	if len(e.Lapsed) != len(n.lapsed) || len(e.Spent) != len(n.ended) || len(e.Merged) != len(n.marks) {
		t.Fatalf("remembered are %+v", e)
	}
	for _, m := range e.Merged {
		if n.marks[m.Origin] != [2]uint64{m.Epoch, m.Seq} {
			t.Fatalf("merged up to %+v", e.Merged)
		}
	}
	claims := slices.Collect(l.View().Claims())
	if len(claims) != l.View().ClaimCount() || (len(claims) == 1) != (e.Claim != nil) {
		t.Fatalf("%d claims, counted %d", len(claims), l.View().ClaimCount())
	}
}

// I6: overlays of several nodes, each with several that build on one another,
// give the same sets in whatever order they arrive, some of them twice, some not
// at all because a later one of their node came first.
func TestOverlayOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e model.Entry
		for i := rapid.IntRange(0, 3).Draw(t, "revisions"); i > 0; i-- {
			e.Rev += rapid.Uint64Range(1, 2).Draw(t, "rev")
		}
		floor := rapid.Uint64Range(0, 3).Draw(t, "floor")
		if e.Rev > 0 {
			e.Must = someAlerts.Draw(t, "must")
			e.Maybe = someAlerts.Draw(t, "maybe").Minus(e.Must)
			e.Resolved = someAlerts.Draw(t, "resolved")
			if rapid.IntRange(0, 4).Draw(t, "claimed") == 0 {
				e.Claim = &model.Claim{Token: token("t")}
			}
		}
		newest := e.Rev
		if newest == 0 {
			newest = floor
		}
		overlays := drawOverlays(t, newest)
		lapse(t, &e, overlays)
		last := map[model.NodeID]model.Overlay{}
		for _, o := range overlays {
			if m, ok := last[o.Origin]; !ok || m.Seq < o.Seq {
				last[o.Origin] = o
			}
		}
		// The one order that leaves no doubt: only the last of each node.
		want := e
		for _, n := range slices.Sorted(maps.Keys(last)) {
			want, _ = fsm.Merge(want, last[n], floor)
		}
		for range 4 {
			order := rapid.Permutation(append(slices.Clone(overlays), overlays...)).Draw(t, "order")
			got := e
			for _, o := range order {
				got, _ = fsm.Merge(got, o, floor)
			}
			if !sameTold(got, want) || got.Stamp != want.Stamp {
				t.Fatalf("order %+v gives\n%+v, want\n%+v", order, got, want)
			}
		}
	})
}

// lapse makes overlays that have a node for themselves the settlement of a claim
// which has expired, in time or not, and that of others overtaken or not.
func lapse(t *rapid.T, e *model.Entry, overlays []model.Overlay) {
	count := map[model.NodeID]int{}
	for _, o := range overlays {
		count[o.Origin]++
	}
	for i := range overlays {
		o := &overlays[i]
		if count[o.Origin] > 1 || o.BaseRev == 0 || o.BaseRev >= e.Rev || len(e.Lapsed) == 2 || !rapid.Bool().Draw(t, "settles") {
			continue
		}
		tok := token(string(o.Origin))
		o.Delivery = model.Delivery{Token: tok, Outcome: model.OutcomeSent, InLease: rapid.Bool().Draw(t, "in time")}
		e.Lapsed = append(e.Lapsed, model.Claim{Token: tok, Node: o.Origin, Rev: o.BaseRev, Overtaken: rapid.Bool().Draw(t, "overtaken")})
	}
}

func drawOverlays(t *rapid.T, newest uint64) []model.Overlay {
	var all []model.Overlay
	for _, n := range []model.NodeID{"n1", "n2", "n3", "n4"} {
		base := rapid.Uint64Range(0, newest).Draw(t, "base")
		for seq := range rapid.Uint64Range(0, 3).Draw(t, "overlays") {
			// A later cut may have been built on more of the ledger.
			base = rapid.Uint64Range(base, newest).Draw(t, "base")
			o := model.Overlay{
				Origin: n, Epoch: 1, Seq: seq + 1, BaseRev: base, Stamp: someStamp.Draw(t, "stamp"),
				Must: someAlerts.Draw(t, "must"), Resolved: someAlerts.Draw(t, "resolved"),
			}
			o.Maybe = someAlerts.Draw(t, "maybe").Minus(o.Must)
			all = append(all, o)
		}
	}
	return all
}

func sameTold(a, b model.Entry) bool {
	return a.Must.Equal(b.Must) && a.Maybe.Equal(b.Maybe) && a.Resolved.Equal(b.Resolved)
}
