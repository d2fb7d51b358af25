package fsm_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

func TestRecords(t *testing.T) {
	r := newReplica(t)
	put := func(name string, base uint64, body string) command.Result {
		return r.do(5, command.PutRecord{Record: model.RecordPolicy, Name: name, BaseRev: base, Body: []byte(body)})[0]
	}
	is := func(what string, got command.Result, code command.Code, rev uint64) {
		t.Helper()
		if got.Code != code || got.Rev != rev {
			t.Errorf("%s: %v at %d, want %v at %d", what, got.Code, got.Rev, code, rev)
		}
	}
	is("a change of nothing", put("join", 9, "x"), command.CodeNotFound, 0) // entry 1
	is("the first", put("join", 0, "open"), command.CodeOK, 2)
	is("the first again", put("join", 0, "open"), command.CodeOK, 2)
	is("another first", put("join", 0, "closed"), command.CodeConflict, 2)
	is("a change", put("join", 2, "closed"), command.CodeOK, 5)
	is("a change on an old base", put("join", 2, "ajar"), command.CodeConflict, 5)
	is("whatever is there", put("join", model.AnyRev, "ajar"), command.CodeOK, 7)
	is("whatever is not there", put("b", model.AnyRev, ""), command.CodeOK, 8)
	if got, ok := r.View().Record(model.RecordPolicy, "join"); !ok || string(got.Body) != "ajar" || got.Rev != 7 || got.Stamp != 5 {
		t.Errorf("the record is %+v", got)
	}
	if _, ok := r.View().Record(model.RecordPKI, "join"); ok {
		t.Error("another kind has it too")
	}
	r.ok(6, command.PutRecord{Record: model.RecordAutopilot, Name: "z"})
	var names []string
	for rec := range r.View().Records(model.RecordPolicy) {
		names = append(names, rec.Name)
	}
	if !slices.Equal(names, []string{"b", "join"}) {
		t.Errorf("names are %v", names)
	}
	drop := func(base uint64) command.Result {
		return r.do(7, command.DropRecord{Record: model.RecordPolicy, Name: "join", BaseRev: base})[0]
	}
	is("dropping an old one", drop(5), command.CodeConflict, 7)
	is("dropping", drop(7), command.CodeOK, 0)
	is("dropping again", drop(7), command.CodeOK, 0)
	if _, ok := r.View().Record(model.RecordPolicy, "join"); ok {
		t.Error("it is still there")
	}
}

func TestRecordsAreCounted(t *testing.T) {
	r := newReplica(t)
	var cmds []command.Command
	for i := range model.MaxRecords {
		cmds = append(cmds, command.PutRecord{Record: 1, Name: fmt.Sprint(i)})
	}
	r.do(1, cmds...)
	if got := r.do(1, command.PutRecord{Record: 1, Name: "x"})[0].Code; got != command.CodeLimit {
		t.Errorf("one more: %v", got)
	}
	r.ok(1, command.PutRecord{Record: 2, Name: "x"})
	r.ok(1, command.PutRecord{Record: 1, Name: "0", BaseRev: model.AnyRev, Body: []byte("b")})
}

func TestRecordsAreTold(t *testing.T) {
	r := newReplica(t)
	var told []bool
	defer r.Observe(func(c fsm.Change) { told = append(told, c.Records) })()
	r.ok(1, command.PutRecord{Record: 1, Name: "a"})
	r.ok(1, command.PutRecord{Record: 1, Name: "a"})
	r.ok(1, command.DropRecord{Record: 1, Name: "a", BaseRev: model.AnyRev})
	r.ok(1, command.DropRecord{Record: 1, Name: "a", BaseRev: model.AnyRev})
	if !slices.Equal(told, []bool{true, false, true, false}) {
		t.Errorf("told %v", told)
	}
}

func TestAudit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	r := openReplica(t, path)
	sign := func(stamp model.Millis, tok, who string, c command.Command) command.Result {
		return r.do(stamp, command.SignedBy(model.Actor{Name: who, Address: "10.0.0.1"}, "n2", token(tok), c))[0]
	}
	policy := func(base uint64, body string) command.Command {
		return command.PutRecord{Record: model.RecordPolicy, Name: "join", BaseRev: base, Body: []byte(body)}
	}
	if got := sign(10, "t1", "token:ann", policy(0, "open")); got.Code != command.CodeOK || got.Rev != 1 {
		t.Errorf("a signed command answered %+v", got)
	}
	if got := sign(20, "t2", "unix:0", policy(0, "closed")); got.Code != command.CodeConflict {
		t.Errorf("a signed command that cannot be done answered %+v", got)
	}
	sign(30, "t3", "local", command.Note("node.remove", "n3", "dead"))
	sign(40, "t3", "local", command.Note("node.remove", "n3", "dead"))
	want := []model.AuditRow{
		{
			Seq: 3, Index: 3, Stamp: 30, Token: token("t3"), Who: model.Actor{Name: "local", Address: "10.0.0.1"}, Node: "n2",
			Action: "node.remove", Target: "n3", Outcome: "ok", Detail: "dead",
		},
		{
			Seq: 2, Index: 2, Stamp: 20, Token: token("t2"), Who: model.Actor{Name: "unix:0", Address: "10.0.0.1"}, Node: "n2",
			Action: "policy.create", Target: "join", Outcome: "conflict",
		},
		{
			Seq: 1, Index: 1, Stamp: 10, Token: token("t1"), Who: model.Actor{Name: "token:ann", Address: "10.0.0.1"}, Node: "n2",
			Action: "policy.create", Target: "join", Outcome: "ok",
		},
	}
	rows, err := r.Audit(fsm.AuditQuery{})
	if err != nil || !slices.Equal(rows, want) {
		t.Errorf("the audit is %+v, %v", rows, err)
	}
	for _, f := range []struct {
		name string
		q    fsm.AuditQuery
		want []uint64
	}{
		{"of a name", fsm.AuditQuery{Who: "ann"}, []uint64{1}},
		{"of a whole name", fsm.AuditQuery{Who: "unix:0"}, []uint64{2}},
		{"of nobody", fsm.AuditQuery{Who: "bob"}, nil},
		{"of a noun", fsm.AuditQuery{Action: "policy"}, []uint64{2, 1}},
		{"of an action", fsm.AuditQuery{Action: "node.remove"}, []uint64{3}},
		{"of a target", fsm.AuditQuery{Target: "join", Limit: 1}, []uint64{2}},
		{"since", fsm.AuditQuery{Since: 20}, []uint64{3, 2}},
		{"until", fsm.AuditQuery{Until: 20}, []uint64{1}},
		{"the next page", fsm.AuditQuery{Before: 3, Limit: 1}, []uint64{2}},
	} {
		rows, err := r.Audit(f.q)
		var got []uint64
		for _, a := range rows {
			got = append(got, a.Seq)
		}
		if err != nil || !slices.Equal(got, f.want) {
			t.Errorf("%s: rows %v, want %v, %v", f.name, got, f.want, err)
		}
	}
	// A repeat is still known after a restart, and on a node that came by a snapshot.
	r.close()
	r = openReplica(t, path)
	sign(50, "t1", "token:ann", policy(0, "open"))
	other := newReplica(t)
	if err := other.Restore(bytes.NewReader(r.dump())); err != nil {
		t.Fatal(err)
	}
	r = other
	sign(60, "t2", "unix:0", policy(0, "closed"))
	if got := r.View().AuditCount(); got != 3 {
		t.Errorf("there are %d rows", got)
	}
}

func TestAuditIsBounded(t *testing.T) {
	r := newReplica(t)
	sign := func(from, to int) {
		for from < to {
			var cmds []command.Command
			for ; from < to && len(cmds) < command.MaxCommands; from++ {
				cmds = append(cmds, command.SignedBy(model.Actor{Name: "local"}, "n1", token(fmt.Sprint(from)), command.Note("a.b", "", "")))
			}
			r.do(1, cmds...)
		}
	}
	sign(0, fsm.MaxAuditRows+3)
	rows, err := r.Audit(fsm.AuditQuery{Before: 6})
	if err != nil || len(rows) != 2 || rows[1].Seq != 4 {
		t.Errorf("the oldest rows are %+v, %v", rows, err)
	}
	rows, err = r.Audit(fsm.AuditQuery{Limit: 1})
	if err != nil || rows[0].Seq != fsm.MaxAuditRows+3 {
		t.Errorf("the newest is %+v, %v", rows, err)
	}
}
