package chaos

import (
	"testing"
	"time"
)

// TestWant shows each thing that may be wrong with a run, and what is allowed.
func TestWant(t *testing.T) {
	t.Parallel()
	one := []Mistake{{At: 50}}
	delay := func(d float64) []First { return []First{{Group: "g", From: 10, Delay: d}} }
	slow := []Post{{At: 5, Took: time.Second, Code: 200}}
	busy := append([]Post{{At: 5, Node: controlName, Took: 500 * time.Millisecond, Code: 200}}, slow...)
	tests := []struct {
		name  string
		want  Want
		got   Verdict
		posts []Post
		wrong int
	}{
		{"nothing", Want{}, Verdict{}, nil, 0},
		{"missed", Want{}, Verdict{Missed: one}, nil, 1},
		{"false resolve", Want{}, Verdict{FalseResolves: one}, nil, 1},
		{"never told", Want{}, Verdict{Unresolved: one}, nil, 1},
		{"duplicate", Want{}, Verdict{Duplicates: one, PerState: 1}, nil, 1},
		{"allowed duplicate", Want{Duplicates: 1}, Verdict{Duplicates: one, PerState: 1}, nil, 0},
		{"allowed once a state", Want{PerState: 1}, Verdict{Duplicates: one, PerState: 1}, nil, 0},
		{"twice a state", Want{PerState: 1}, Verdict{Duplicates: one, PerState: 2}, nil, 1},
		{"another ID", Want{PerState: 1, SameID: true}, Verdict{Duplicates: one, PerState: 1}, nil, 1},
		{"the same ID", Want{PerState: 1, SameID: true}, Verdict{Duplicates: one, PerState: 1, SameID: 1}, nil, 0},
		{"after it was over", Want{PerState: 1, QuietFrom: 40}, Verdict{Duplicates: one, PerState: 1}, nil, 1},
		{"before it was over", Want{PerState: 1, QuietFrom: 60}, Verdict{Duplicates: one, PerState: 1}, nil, 0},
		{"in time", Want{First: within(3)}, Verdict{First: delay(3)}, nil, 0},
		{"late", Want{First: within(3)}, Verdict{First: delay(3.1)}, nil, 1},
		{"late, but of another time", Want{First: []FirstWant{{Span{20, 30}, 3}}}, Verdict{First: delay(9)}, nil, 0},
		{"no requests", Want{Posts: &PostWant{Span{0, 9}, 0.05}}, Verdict{}, nil, 1},
		{"slow requests", Want{Posts: &PostWant{Span{0, 9}, 0.05}}, Verdict{}, slow, 1},
		{"no slower than the machine", Want{Posts: &PostWant{Span{0, 9}, 0.05}}, Verdict{}, busy, 0},
		{"slower than the machine", Want{Posts: &PostWant{Span{0, 9}, 0.05}}, Verdict{}, append([]Post{{At: 5, Took: 1051 * time.Millisecond, Code: 200}}, busy[0]), 1},
		{"only the control was asked", Want{Posts: &PostWant{Span{0, 9}, 0.05}}, Verdict{}, busy[:1], 1},
		{"quick requests", Want{Posts: &PostWant{Span{0, 9}, 2}}, Verdict{}, slow, 0},
		{"refused requests", Want{Posts: &PostWant{Span{0, 9}, 2}}, Verdict{}, []Post{{At: 5, Code: 503}}, 1},
	}
	for _, tt := range tests {
		if wrong := tt.want.violations(tt.got, tt.posts); len(wrong) != tt.wrong {
			t.Errorf("%s: %q, want %d", tt.name, wrong, tt.wrong)
		}
	}
}
