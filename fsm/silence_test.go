package fsm_test

import (
	"testing"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

func silenceOf(id string, from, to model.Millis, comment string) model.Silence {
	return model.Silence{
		ID: id, StartsAt: from, EndsAt: to, UpdatedAt: from, CreatedBy: "ann", Comment: comment,
		MatcherSets: [][]model.Matcher{{{Name: "a", Value: "b"}}},
	}
}

func TestPutSilence(t *testing.T) {
	r := newReplica(t)
	put := func(s model.Silence, base uint64, limit uint32) command.Result {
		return r.do(100, command.PutSilence{Silence: s, BaseRev: base, MaxSilences: limit})[0]
	}
	is := func(what string, got command.Result, code command.Code, rev uint64) {
		t.Helper()
		if got.Code != code || got.Rev != rev {
			t.Errorf("%s: %v at %d, want %v at %d", what, got.Code, got.Rev, code, rev)
		}
	}
	a := silenceOf("a", 100, 200, "first")
	is("a new one", put(a, 0, 2), command.CodeOK, 1)
	is("the same again", put(a, 0, 2), command.CodeOK, 1)
	longer := a
	longer.EndsAt = 300
	is("another of its name", put(longer, 0, 2), command.CodeConflict, 1)
	is("a change of an older one", put(longer, 7, 2), command.CodeConflict, 1)
	is("a change", put(longer, 1, 2), command.CodeOK, 5)
	is("the change again", put(longer, 1, 2), command.CodeOK, 5)
	later := longer
	later.UpdatedAt = 150
	is("a change of nothing but the time of change", put(later, 5, 2), command.CodeOK, 5)
	is("a change of what is not there", put(silenceOf("z", 1, 2, ""), 3, 2), command.CodeNotFound, 0)
	is("a second", put(silenceOf("b", 1, 2, "over already"), 0, 2), command.CodeOK, 9)
	is("a third, where two may be", put(silenceOf("c", 1, 2, ""), 0, 2), command.CodeLimit, 0)
	longer.Comment = "changed"
	is("a change, where two may be", put(longer, 5, 2), command.CodeOK, 11)
	is("a third without a limit", put(silenceOf("c", 1, 2, ""), 0, 0), command.CodeOK, 12)
	got, ok := r.View().Silence("a")
	longer.Rev = 11
	if !ok || !sameText(*got, longer) {
		t.Errorf("the silence is %+v", got)
	}
	if v := r.View(); v.SilenceRev() != 12 || v.SilenceCount() != 3 {
		t.Errorf("%d silences of revision %d", v.SilenceCount(), v.SilenceRev())
	}
}

func sameText(a, b model.Silence) bool {
	return string(model.Encode(&a)) == string(model.Encode(&b))
}

func TestExpireSilence(t *testing.T) {
	for _, f := range []struct {
		name                 string
		at                   model.Millis
		from, to             model.Millis
		before, now, justNow string
	}{
		{"active", 150, 100, 150, "active", "expired", "active"},
		{"pending", 50, 50, 50, "pending", "expired", "active"},
		{"at its start", 100, 100, 100, "active", "expired", "active"},
		{"over", 201, 100, 200, "expired", "expired", "expired"},
	} {
		t.Run(f.name, func(t *testing.T) {
			r := newReplica(t)
			r.ok(1, command.PutSilence{Silence: silenceOf("a", 100, 200, "")})
			s, _ := r.View().Silence("a")
			if got := s.State(f.at).String(); got != f.before {
				t.Errorf("before it is %s", got)
			}
			first := r.ok(f.at, command.ExpireSilence{ID: "a", At: f.at})
			s, _ = r.View().Silence("a")
			if s.StartsAt != f.from || s.EndsAt != f.to {
				t.Errorf("it goes from %d to %d", s.StartsAt, s.EndsAt)
			}
			if got := s.State(f.at).String(); got != f.justNow {
				t.Errorf("at that time it is %s", got)
			}
			if got := s.State(f.at + 1).String(); got != f.now {
				t.Errorf("after it it is %s", got)
			}
			if again := r.ok(f.at, command.ExpireSilence{ID: "a", At: f.at}); again.Rev != first.Rev {
				t.Error("expiring it twice changed it")
			}
			if later := r.ok(f.at, command.ExpireSilence{ID: "a", At: f.at + 10}); later.Rev != first.Rev {
				t.Error("expiring it later made it longer")
			}
		})
	}
	r := newReplica(t)
	if got := r.do(1, command.ExpireSilence{ID: "a", At: 5})[0].Code; got != command.CodeNotFound {
		t.Errorf("expiring nothing: %v", got)
	}
}
