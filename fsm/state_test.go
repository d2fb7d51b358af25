package fsm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

func TestPutConfig(t *testing.T) {
	r := newReplica(t)
	is := func(what string, got command.Result, code command.Code, rev uint64) {
		t.Helper()
		if got.Code != code || got.Rev != rev {
			t.Errorf("%s: %v of version %d, want %v of %d", what, got.Code, got.Rev, code, rev)
		}
	}
	put := func(stamp model.Millis, text, tok string, change func(*command.PutConfig)) command.Result {
		c := configOf(text, tok)
		if change != nil {
			change(&c)
		}
		return r.do(stamp, c)[0]
	}
	if r.View().Config() != nil {
		t.Error("there is a configuration before the first")
	}
	seed := func(c *command.PutConfig) { c.Seed = true }
	base := func(rev uint64) func(*command.PutConfig) { return func(c *command.PutConfig) { c.BaseRev = rev } }
	is("a base that is not there", put(1, "x", "t0", base(1)), command.CodeConflict, 0)
	is("the seed", put(10, "one", "t1", seed), command.CodeOK, 1)
	is("the seed of another node", put(11, "one", "t2", seed), command.CodeConflict, 1)
	is("the seed again", put(12, "one", "t1", seed), command.CodeOK, 1)
	is("whatever is there", put(20, "two", "t3", nil), command.CodeOK, 2)
	is("on an old base", put(30, "three", "t4", base(1)), command.CodeConflict, 2)
	is("on the right base", put(40, "three", "t4", base(2)), command.CodeOK, 3)
	is("the same proposal again", put(50, "three", "t4", base(2)), command.CodeOK, 3)
	is("an older proposal again", put(50, "two", "t3", nil), command.CodeOK, 2)
	is("a wrong checksum", put(60, "four", "t5", func(c *command.PutConfig) { c.Version.SHA256[0]++ }), command.CodeInvalid, 3)
	is("the same text anew", put(70, "three", "t6", nil), command.CodeOK, 4)
	if c := r.View().Config(); c.Rev != 4 || c.Stamp != 70 || string(c.YAML) != "three" || c.Token != token("t6") {
		t.Errorf("active is %+v", c)
	}
	c, err := r.ConfigVersion(2)
	if err != nil || string(c.YAML) != "two" || c.Stamp != 20 || c.Author != "ann" {
		t.Errorf("version 2 is %+v, %v", c, err)
	}
}

func TestConfigHistoryIsBounded(t *testing.T) {
	r := newReplica(t)
	for i := range fsm.MaxConfigVersions + 5 {
		r.ok(1, configOf(fmt.Sprint(i), fmt.Sprint("t", i)))
	}
	all, err := r.ConfigHistory(0)
	if err != nil || len(all) != fsm.MaxConfigVersions || all[0].Rev != 105 || all[99].Rev != 6 {
		t.Fatalf("%d versions are kept, %v", len(all), err)
	}
	some, err := r.ConfigHistory(3)
	if err != nil || len(some) != 3 || some[2].Rev != 103 {
		t.Errorf("of three there are %d, %v", len(some), err)
	}
	if c, err := r.ConfigVersion(5); c != nil || err != nil {
		t.Errorf("a version that was dropped is %v, %v", c, err)
	}
	if got := r.ok(1, configOf("6", "t6")); got.Rev != 7 {
		t.Errorf("a proposal that is still known made version %d", got.Rev)
	}
}

func TestFoundCluster(t *testing.T) {
	r := newReplica(t)
	for _, f := range []struct {
		id   model.ClusterID
		want command.Code
	}{{"c1", command.CodeOK}, {"c1", command.CodeOK}, {"c2", command.CodeConflict}} {
		if got := r.do(1, command.FoundCluster{ID: f.id})[0].Code; got != f.want {
			t.Errorf("founding %s: %v", f.id, got)
		}
	}
	if got := r.View().Cluster(); got != "c1" {
		t.Errorf("the cluster is %q", got)
	}
}

func TestNodes(t *testing.T) {
	r := newReplica(t)
	n := model.Node{ID: "n1", Name: "one", API: "h:1"}
	r.ok(1, command.PutNode{Node: model.Node{ID: "n1"}})
	r.ok(1, command.PutNode{Node: n})
	r.ok(1, command.PutNode{Node: model.Node{ID: "a"}})
	if got := slices.Collect(r.View().Nodes()); len(got) != 2 || got[1] != n {
		t.Errorf("nodes are %+v", got)
	}
	r.ok(1, command.RemoveNode{ID: "n1"})
	r.ok(1, command.RemoveNode{ID: "n1"})
	if _, ok := r.View().Node("n1"); ok {
		t.Error("the node is still there")
	}
}

func TestMinVersionIsOnlyRaised(t *testing.T) {
	r := newReplica(t)
	r.ok(1, command.SetMinVersion{Version: 3})
	r.ok(1, command.SetMinVersion{Version: 3})
	if got := r.do(1, command.SetMinVersion{Version: 2})[0]; got.Code != command.CodeConflict || got.Rev != 3 {
		t.Errorf("lowering it: %+v", got)
	}
	if got := r.View().MinVersion(); got != 3 {
		t.Errorf("it is %d", got)
	}
}

func TestCollect(t *testing.T) {
	r := newReplica(t)
	r.ok(1, command.PutNode{Node: model.Node{ID: "n1"}})
	for i, end := range []model.Millis{10, 20, 30} {
		r.ok(1, command.PutSilence{Silence: silenceOf(fmt.Sprint(i), 0, end, "")})
	}
	key := func(i int) model.DeliveryKey { return model.DeliveryKey{Group: fmt.Sprint(i)} }
	tell := func(i int, stamp model.Millis, firing, resolved string) {
		k, tok := key(i), token(fmt.Sprint(i, stamp))
		r.ok(stamp, command.Claim{ClaimRequest: model.ClaimRequest{Key: k, Token: tok, Node: "n1", BaseRev: r.entry(k).Rev}})
		r.ok(stamp, command.Settle{Settlement: model.Settlement{
			Key: k, Token: tok, Node: "n1", Firing: alerts(firing), Resolved: alerts(resolved),
			Delivery: model.Delivery{ID: "d", Outcome: model.OutcomeSent},
		}})
	}
	tell(0, 10, "", "a") // says nothing, long ago
	tell(1, 10, "a", "") // still firing
	tell(2, 90, "", "a") // says nothing, not long ago
	tell(3, 10, "", "a") // says nothing, but is claimed
	r.ok(11, command.Claim{ClaimRequest: model.ClaimRequest{Key: key(3), Token: token("x"), Node: "n1", BaseRev: r.entry(key(3)).Rev}})
	tell(4, 10, "a", "") // in doubt
	r.ok(10, command.Claim{ClaimRequest: model.ClaimRequest{
		Key: key(4), Token: token("y"), Node: "n1", BaseRev: r.entry(key(4)).Rev, Resolved: alerts("a"),
	}})
	r.ok(10, command.Expire{Expiry: model.Expiry{Key: key(4), Token: token("y")}})

	r.ok(100, command.GC{SilencesBefore: 20, EntriesBefore: 50})
	var keys, ids string
	for e := range r.View().Entries() {
		keys += e.Key.Group
	}
	for s := range r.View().Silences() {
		ids += s.ID
	}
	if keys != "1234" || ids != "12" {
		t.Errorf("kept are the entries %s and the silences %s", keys, ids)
	}
	rows, err := r.History(fsm.HistoryQuery{})
	if err != nil || len(rows) != 6 {
		t.Errorf("%d rows of history, %v", len(rows), err)
	}
	before := r.View()
	r.ok(100, command.GC{})
	after, err := r.History(fsm.HistoryQuery{})
	if err != nil || len(after) != 6 || r.View().EntryCount() != before.EntryCount() || r.View().SilenceCount() != before.SilenceCount() {
		t.Errorf("bounds of nothing dropped something: %d rows, %v", len(after), err)
	}
}

func TestHistory(t *testing.T) {
	r := newReplica(t)
	r.ok(1, command.PutNode{Node: model.Node{ID: "n1"}})
	for i := range 20 {
		o := model.Overlay{
			Key: model.DeliveryKey{Group: fmt.Sprint(i % 2), Receiver: fmt.Sprint(i % 3), Integration: "w"}, Origin: "n1", Epoch: 1, Seq: uint64(i + 1),
			Delivery: model.Delivery{ID: fmt.Sprint("d", i), Outcome: model.OutcomeSent, Error: strings.Repeat("é", 256), At: 7},
		}
		r.ok(model.Millis(i*10), command.MergeOverlay{Overlay: o})
	}
	seqs := func(q fsm.HistoryQuery) (out []uint64) {
		rows, err := r.History(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range rows {
			out = append(out, d.Seq)
		}
		return out
	}
	for _, f := range []struct {
		name string
		q    fsm.HistoryQuery
		want []uint64
	}{
		{"newest first", fsm.HistoryQuery{Limit: 3}, []uint64{20, 19, 18}},
		{"the next page", fsm.HistoryQuery{Limit: 2, Before: 18}, []uint64{17, 16}},
		{"of a group", fsm.HistoryQuery{Limit: 2, Group: "0"}, []uint64{19, 17}},
		{"of a group and a receiver", fsm.HistoryQuery{Group: "1", Receiver: "2"}, []uint64{18, 12, 6}},
		{"of an integration that is not there", fsm.HistoryQuery{Integration: "x"}, nil},
		{"of a node", fsm.HistoryQuery{Node: "n2"}, nil},
		{"that failed", fsm.HistoryQuery{Outcome: model.OutcomeFailed}, nil},
		{"that was sent", fsm.HistoryQuery{Outcome: model.OutcomeSent, Node: "n1", Integration: "w", Limit: 1}, []uint64{20}},
	} {
		if got := seqs(f.q); !slices.Equal(got, f.want) {
			t.Errorf("rows %s are %v, want %v", f.name, got, f.want)
		}
	}
	rows, err := r.History(fsm.HistoryQuery{Limit: 1})
	if err != nil || !rows[0].Degraded || rows[0].Stamp != 190 || rows[0].At != 7 || rows[0].Node != "n1" {
		t.Errorf("the last row is %+v, %v", rows, err)
	}
	r.ok(1, command.GC{HistoryBefore: 50})
	if got := seqs(fsm.HistoryQuery{}); len(got) != 15 || got[14] != 6 {
		t.Errorf("after dropping the old: %v", got)
	}
	r.ok(1, command.GC{HistoryMax: 4})
	if got := seqs(fsm.HistoryQuery{}); !slices.Equal(got, []uint64{20, 19, 18, 17}) {
		t.Errorf("after dropping all but four: %v", got)
	}
	r.ok(1, command.GC{HistoryBefore: 9999})
	// An overlay that was kept before its send is no row.
	r.ok(500, command.MergeOverlay{Overlay: model.Overlay{Key: theKey, Origin: "n1", Epoch: 2, Seq: 1}})
	r.ok(500, command.MergeOverlay{Overlay: model.Overlay{
		Key: theKey, Origin: "n1", Epoch: 2, Seq: 2, Delivery: model.Delivery{Outcome: model.OutcomeSent},
	}})
	if got := seqs(fsm.HistoryQuery{}); !slices.Equal(got, []uint64{21}) {
		t.Errorf("a number was used twice: %v", got)
	}
}

// Resolved keeps what is older than the last message only up to a bound.
func TestResolvedIsBounded(t *testing.T) {
	var e model.Entry
	many := make(model.AlertSet, model.MaxResolved+1)
	for i := range many {
		many[i] = model.AlertHash(i + 1000)
	}
	tell := func(firing, resolved model.AlertSet) {
		e, _ = fsm.Grant(e, model.ClaimRequest{Token: token(fmt.Sprint(e.Rev)), BaseRev: e.Rev}, fsm.Terms{Member: true})
		e, _ = fsm.Settle(e, model.Settlement{
			Token: e.Claim.Token, Firing: firing, Resolved: resolved, Delivery: model.Delivery{Outcome: model.OutcomeSent},
		}, 1)
	}
	tell(nil, many)
	if !e.Resolved.Equal(many) {
		t.Error("a message's own alerts were dropped")
	}
	tell(nil, alerts("a"))
	if !e.Resolved.Equal(alerts("a")) {
		t.Errorf("%d resolved alerts are kept", len(e.Resolved))
	}
	tell(alerts("b"), alerts("b c"))
	if !e.Must.Equal(alerts("b")) || !e.Resolved.Equal(alerts("a c")) {
		t.Errorf("an alert that is both counts as must %v, resolved %v", e.Must, e.Resolved)
	}
}
