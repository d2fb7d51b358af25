package silence_test

import (
	"errors"
	"testing"
	"time"

	"tocsin/dispatcher/silence"
	"tocsin/fsm/model"
)

const now = model.Millis(1_700_000_000_500)

func at(d time.Duration) model.Millis { return now + model.Millis(d.Milliseconds()) }

func eq(name, value string) [][]model.Matcher {
	return [][]model.Matcher{{{Name: name, Value: value}}}
}

func TestValidateTimes(t *testing.T) {
	for _, c := range []struct {
		from, to time.Duration
		want     error
	}{
		{0, time.Hour, nil},
		{time.Hour, time.Hour, silence.ErrOrder},
		{2 * time.Hour, time.Hour, silence.ErrOrder},
		{-2 * time.Hour, -time.Hour, silence.ErrPast},
	} {
		err := silence.ValidateTimes(&model.Silence{StartsAt: at(c.from), EndsAt: at(c.to)}, time.UnixMilli(int64(now)))
		if !errors.Is(err, c.want) {
			t.Errorf("%v to %v: %v, want %v", c.from, c.to, err, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		want string
		sets [][]model.Matcher
	}{
		{"", eq("a", "b")},
		{"", [][]model.Matcher{{{Name: "a", Type: model.MatchNotEqual, Value: "x"}}}},
		{"", [][]model.Matcher{{{Name: "a", Type: model.MatchNotRegexp, Value: ".*"}}}},
		{"", [][]model.Matcher{{{Name: "a"}, {Name: "b", Type: model.MatchRegexp, Value: "x+"}}}},
		{"at least one matcher set required", nil},
		{"matcher set 0 is empty", [][]model.Matcher{{}}},
		{"matcher set 1 is empty", [][]model.Matcher{{{Name: "a", Value: "b"}}, {}}},
		{"matcher set 0: at least one matcher must not match the empty string", [][]model.Matcher{{{Name: "a"}, {Name: "b", Type: model.MatchRegexp, Value: "x*"}}}},
		{`invalid label matcher 0 in set 0: invalid label name ""`, eq("", "b")},
		{`invalid label matcher 1 in set 0: invalid regular expression "(": error parsing regexp: missing closing ): ` + "`(`", [][]model.Matcher{{{Name: "a", Value: "b"}, {Name: "b", Type: model.MatchRegexp, Value: "("}}}},
		{`invalid label matcher 0 in set 0: invalid label value "\xff"`, eq("a", "\xff")},
	} {
		s := model.Silence{MatcherSets: c.sets, StartsAt: now, EndsAt: at(time.Hour)}
		got := ""
		if err := silence.Validate(&s); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: %q, want %q", c.sets, got, c.want)
		}
	}
	for _, c := range []struct {
		want     string
		from, to model.Millis
	}{
		{"invalid zero start timestamp", 0, now},
		{"invalid zero end timestamp", now, 0},
		{"end time must not be before start time", now, now - 1},
	} {
		if err := silence.Validate(&model.Silence{MatcherSets: eq("a", "b"), StartsAt: c.from, EndsAt: c.to}); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func change(t *testing.T, old *model.Silence, want model.Silence) silence.Plan {
	t.Helper()
	p, err := silence.Change(old, want, time.UnixMilli(int64(now)), func() string { return "new" })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNewSilence(t *testing.T) {
	p := change(t, nil, model.Silence{MatcherSets: eq("a", "b"), StartsAt: at(-time.Hour), EndsAt: at(time.Hour), Comment: "c"})
	if p.ID != "new" || p.Put.ID != "new" || p.BaseRev != 0 || p.Expire != "" || p.Put.StartsAt != now || p.Put.UpdatedAt != now || p.Put.Comment != "c" {
		t.Errorf("%+v", p)
	}
	if p := change(t, nil, model.Silence{MatcherSets: eq("a", "b"), EndsAt: at(time.Hour)}); p.Put.StartsAt != now {
		t.Errorf("without a start %+v", p)
	}
	if p := change(t, nil, model.Silence{MatcherSets: eq("a", "b"), StartsAt: at(time.Minute), EndsAt: at(time.Hour)}); p.Put.StartsAt != at(time.Minute) {
		t.Errorf("with a start to come %+v", p)
	}
}

func TestChangeErrors(t *testing.T) {
	_, err := silence.Change(nil, model.Silence{ID: "gone", MatcherSets: eq("a", "b"), EndsAt: at(time.Hour)}, time.UnixMilli(int64(now)), nil)
	if !errors.Is(err, silence.ErrNotFound) || err.Error() != "silence not found" {
		t.Errorf("unknown ID: %v", err)
	}
	// What is wrong with it comes before whether it is there.
	_, err = silence.Change(nil, model.Silence{ID: "gone", EndsAt: at(time.Hour)}, time.UnixMilli(int64(now)), nil)
	if !errors.Is(err, silence.ErrInvalid) || err.Error() != "invalid silence: at least one matcher set required" {
		t.Errorf("invalid: %v", err)
	}
}

func TestChangeInPlaceOrNot(t *testing.T) {
	active := model.Silence{ID: "old", Rev: 5, MatcherSets: eq("a", "b"), StartsAt: at(-time.Hour), EndsAt: at(time.Hour)}
	pending := model.Silence{ID: "old", Rev: 5, MatcherSets: eq("a", "b"), StartsAt: at(time.Hour), EndsAt: at(2 * time.Hour)}
	expired := model.Silence{ID: "old", Rev: 5, MatcherSets: eq("a", "b"), StartsAt: at(-2 * time.Hour), EndsAt: at(-time.Hour)}
	with := func(s model.Silence, f func(*model.Silence)) model.Silence { f(&s); return s }
	for _, c := range []struct {
		name    string
		old     model.Silence
		want    model.Silence
		keeps   bool
		expires bool
	}{
		{"comment", active, with(active, func(s *model.Silence) { s.Comment = "x" }), true, false},
		{"end", active, with(active, func(s *model.Silence) { s.EndsAt = at(5 * time.Hour) }), true, false},
		{"end now", active, with(active, func(s *model.Silence) { s.EndsAt = now }), true, false},
		{"end before now", active, with(active, func(s *model.Silence) { s.EndsAt = now - 1 }), false, true},
		{"start in the same second", active, with(active, func(s *model.Silence) { s.StartsAt -= 500 }), true, false},
		{"start", active, with(active, func(s *model.Silence) { s.StartsAt = at(-time.Minute) }), false, true},
		{"matchers", active, with(active, func(s *model.Silence) { s.MatcherSets = eq("a", "c") }), false, true},
		{"pending start", pending, with(pending, func(s *model.Silence) { s.StartsAt = at(time.Minute) }), true, false},
		{"pending start before now", pending, with(pending, func(s *model.Silence) { s.StartsAt = now - 1 }), false, true},
		{"pending matchers", pending, with(pending, func(s *model.Silence) { s.MatcherSets = eq("a", "c") }), false, true},
		{"expired", expired, with(expired, func(s *model.Silence) { s.EndsAt = at(time.Hour) }), false, false},
	} {
		p := change(t, &c.old, c.want)
		if c.keeps && (p.ID != "old" || p.Put.ID != "old" || p.BaseRev != 5 || p.Expire != "" || p.Put.StartsAt != c.want.StartsAt) {
			t.Errorf("%s: %+v", c.name, p)
		}
		if !c.keeps && (p.ID != "new" || p.Put.ID != "new" || p.BaseRev != 0 || p.Put.StartsAt < now || (p.Expire == "old") != c.expires) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}
