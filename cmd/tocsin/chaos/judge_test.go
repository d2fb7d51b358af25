package chaos_test

import (
	"testing"

	"tocsin/cmd/tocsin/chaos"
)

// life is a story of one group with one or two alerts.
func life(alerts ...chaos.AlertStory) chaos.Story {
	for i := range alerts {
		alerts[i].Group = "g"
		alerts[i].Instance = string(rune('a' + i))
	}
	return chaos.Story{Alerts: alerts, Length: 200}
}

func fires(spans ...chaos.Span) chaos.AlertStory { return chaos.AlertStory{Firing: spans} }

func told(at float64, id, firing, resolved string) chaos.Telling {
	split := func(s string) (out []string) {
		for _, r := range s {
			out = append(out, string(r))
		}
		return out
	}
	return chaos.Telling{At: at, Group: "g", ID: id, Firing: split(firing), Resolved: split(resolved), Node: "n1"}
}

// TestJudge shows each kind of mistake to the judge, and what is none.
func TestJudge(t *testing.T) {
	t.Parallel()
	short := fires(chaos.Span{From: 0, To: 50})
	long := fires(chaos.Span{From: 0, To: 1e9})
	again := fires(chaos.Span{From: 0, To: 50}, chaos.Span{From: 100, To: 1e9})
	type counts struct{ missed, dup, same, wrong, unresolved, perState int }
	tests := []struct {
		name     string
		story    chaos.Story
		tellings []chaos.Telling
		want     counts
	}{
		{"all well", life(short), []chaos.Telling{told(2, "1", "a", ""), told(72, "2", "", "a")}, counts{}},
		{"in any order", life(short), []chaos.Telling{told(72, "2", "", "a"), told(2, "1", "a", "")}, counts{}},
		{"silence", life(short), nil, counts{missed: 1}},
		{"only the end", life(short), []chaos.Telling{told(72, "1", "", "a")}, counts{}},
		{"no end", life(short), []chaos.Telling{told(2, "1", "a", "")}, counts{unresolved: 1}},
		{"an end too late to be due", life(fires(chaos.Span{From: 0, To: 190})), []chaos.Telling{told(2, "1", "a", "")}, counts{}},
		{"a start too late to be due", life(fires(chaos.Span{From: 190, To: 1e9})), nil, counts{}},
		{"too short to be due", life(fires(chaos.Span{From: 10, To: 20})), nil, counts{}},
		{"short, and its end is not told", life(fires(chaos.Span{From: 10, To: 20})), []chaos.Telling{told(12, "1", "a", "")}, counts{unresolved: 1}},
		{"twice", life(long), []chaos.Telling{told(2, "1", "a", ""), told(17, "2", "a", "")}, counts{dup: 1, perState: 1}},
		{"twice with one ID", life(long), []chaos.Telling{told(2, "1", "a", ""), told(17, "1", "a", "")}, counts{dup: 1, same: 1, perState: 1}},
		{"no ID is not the same ID", life(long), []chaos.Telling{told(2, "", "a", ""), told(17, "", "a", "")}, counts{dup: 1, perState: 1}},
		{"three times", life(long), []chaos.Telling{told(2, "1", "a", ""), told(17, "1", "a", ""), told(32, "1", "a", "")}, counts{dup: 2, same: 2, perState: 2}},
		{"the end twice", life(short), []chaos.Telling{told(2, "1", "a", ""), told(72, "2", "", "a"), told(87, "2", "", "a")}, counts{dup: 1, same: 1, perState: 1}},
		{"old news after newer", life(short), []chaos.Telling{told(2, "1", "a", ""), told(72, "2", "", "a"), told(80, "1", "a", "")}, counts{dup: 1, same: 1, perState: 1}},
		{"resolved while it fires", life(long), []chaos.Telling{told(2, "1", "a", ""), told(72, "2", "", "a")}, counts{wrong: 1}},
		{"and put right after", life(long), []chaos.Telling{told(2, "1", "a", ""), told(72, "2", "", "a"), told(107, "3", "a", "")}, counts{wrong: 1, dup: 1, perState: 1}},
		{"fires again", life(again), []chaos.Telling{told(2, "1", "a", ""), told(72, "2", "", "a"), told(102, "3", "a", "")}, counts{}},
		{"fires again and is not told", life(again), []chaos.Telling{told(2, "1", "a", ""), told(72, "2", "", "a")}, counts{missed: 1}},
		{"resolved just as it fires again", life(again), []chaos.Telling{told(2, "1", "a", ""), told(100.5, "2", "", "a"), told(102, "3", "a", "")}, counts{}},
		{"resolved after it fires again", life(again), []chaos.Telling{told(2, "1", "a", ""), told(72, "2", "", "a"), told(104, "2", "", "a"), told(106, "3", "a", "")}, counts{wrong: 1}},
		{"one more alert is news", life(long, fires(chaos.Span{From: 10, To: 1e9})), []chaos.Telling{told(2, "1", "a", ""), told(37, "2", "ab", "")}, counts{}},
		{"one fewer alert is news", life(long, short), []chaos.Telling{told(2, "1", "ab", ""), told(72, "2", "a", "b")}, counts{}},
		{"the rest again is not", life(long, short), []chaos.Telling{told(2, "1", "ab", ""), told(72, "2", "a", "b"), told(107, "3", "a", "")}, counts{dup: 1, perState: 1}},
		{"one of a group is missed", life(long, fires(chaos.Span{From: 10, To: 1e9})), []chaos.Telling{told(2, "1", "a", "")}, counts{missed: 1}},
		{"an unknown alert", life(long), []chaos.Telling{told(2, "1", "a", ""), told(3, "2", "z", "")}, counts{wrong: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := chaos.Judge(tt.story, tt.tellings)
			got := counts{len(v.Missed), len(v.Duplicates), v.SameID, len(v.FalseResolves), len(v.Unresolved), v.PerState}
			if got != tt.want {
				t.Errorf("judged %+v, want %+v\n%+v", got, tt.want, v)
			}
		})
	}
}

// TestJudgeKnowsReceivers checks that the same words to another receiver are no
// duplicate, and that the same receiver is one.
func TestJudgeKnowsReceivers(t *testing.T) {
	t.Parallel()
	a, b := told(2, "1", "a", ""), told(3, "2", "a", "")
	b.Receiver = "second"
	if v := chaos.Judge(life(fires(chaos.Span{From: 0, To: 1e9})), []chaos.Telling{a, b}); len(v.Duplicates) != 0 {
		t.Errorf("told to two receivers, judged %+v", v)
	}
	c := b
	c.At = 9
	if v := chaos.Judge(life(fires(chaos.Span{From: 0, To: 1e9})), []chaos.Telling{a, b, c}); len(v.Duplicates) != 1 {
		t.Errorf("told twice to one of two receivers, judged %+v", v)
	}
}

// TestJudgeMeasuresFirstTellings checks the delays, and that a group is known by
// the first of its alerts.
func TestJudgeMeasuresFirstTellings(t *testing.T) {
	t.Parallel()
	s := life(fires(chaos.Span{From: 10, To: 1e9}), fires(chaos.Span{From: 20, To: 1e9}))
	v := chaos.Judge(s, []chaos.Telling{told(47, "2", "ab", ""), told(12.5, "1", "a", "")})
	if len(v.First) != 1 || v.First[0].From != 10 || v.First[0].Delay != 2.5 {
		t.Errorf("first tellings %+v, want one of 2.5 s from 10", v.First)
	}
	if p50, most := v.Delays(chaos.Span{From: 0, To: 11}); p50 != 2.5 || most != 2.5 {
		t.Errorf("delays %v and %v, want 2.5 both", p50, most)
	}
	if _, most := v.Delays(chaos.Span{From: 11, To: 100}); most != 0 {
		t.Errorf("delay of groups that began after 11 s: %v, want none", most)
	}
}

// TestStandardStory checks that all of a story is due within its length, or the
// judge would not see what is missing.
func TestStandardStory(t *testing.T) {
	t.Parallel()
	s := chaos.Plan{From: 24, To: 58}.Story()
	if n := s.Groups(); n != 30 {
		t.Errorf("%d groups, want 30", n)
	}
	v := chaos.Judge(s, nil)
	if len(v.Missed) < 29 {
		t.Errorf("of 30 groups that nobody was told of %d are missed, want nearly all", len(v.Missed))
	}
	var tellings []chaos.Telling
	for _, a := range s.Alerts {
		tellings = append(tellings, chaos.Telling{At: a.Firing[0].From + 2, Group: a.Group, Firing: []string{a.Instance}})
	}
	v = chaos.Judge(s, tellings)
	if len(v.Missed) != 0 || len(v.Unresolved) != 12 {
		t.Errorf("%d missed and %d unresolved, want 0 and 12: %+v", len(v.Missed), len(v.Unresolved), v)
	}
}
