package alert_test

import (
	"testing"
	"time"

	"tocsin/dispatcher/alert"
)

// The rule of a restart, by moments after base.
func TestRestored(t *testing.T) {
	const s, m = time.Second, time.Minute
	for _, c := range []struct {
		name                string
		end, updated, start time.Duration
		over                bool
		// keptFrom to keptTo is when it is kept; fires is until when it is not
		// resolved.
		keptFrom, keptTo, fires time.Duration
	}{
		{"it lapsed while the node was down", 4 * m, 0, 10 * m, false, 10 * m, 14 * m, 14 * m},
		{"it would lapse before its source can speak", 4 * m, 0, 4*m - s, false, 4 * m, 8*m - s, 8*m - s},
		{"a restart at once", 4 * m, 0, 5 * s, false, 4 * m, 4*m + 5*s, 4*m + 5*s},
		{"an end far away is an end", time.Hour, 0, 10 * m, false, 0, 0, time.Hour},
		{"a source that gave itself an hour", time.Hour, 0, 2 * time.Hour, false, 2 * time.Hour, 2*time.Hour + 5*m, 2*time.Hour + 5*m},
		{"it was over before", 4 * m, 0, 10 * m, true, 0, 0, 4 * m},
		{"somebody said that it is over", m, 2 * m, 3 * m, false, 0, 0, m},
		{"it ended when it was said", m, m, 3 * m, false, 0, 0, m},
		{"the clock was set back since", 4 * m, 0, -time.Hour, false, 0, 0, 4 * m},
	} {
		t.Run(c.name, func(t *testing.T) {
			saved := build("a", "x", times{-m, c.end, c.updated})
			a := alert.Restored(saved, base.Add(c.start), c.over)
			if a.EndsAt != saved.EndsAt || a.UpdatedAt != saved.UpdatedAt {
				t.Error("its end or its time of update is another")
			}
			for _, d := range []time.Duration{c.start, c.end - 1, c.end, c.keptFrom, c.keptTo - 1, c.keptTo, c.fires - 1, c.fires, c.fires + time.Hour} {
				if d < c.start {
					continue
				}
				now := base.Add(d)
				if got, want := a.Kept(now), c.keptFrom <= d && d < c.keptTo; got != want {
					t.Errorf("at %v kept is %v", d, got)
				}
				if got, want := a.Resolved(now), d >= c.fires; got != want {
					t.Errorf("at %v resolved is %v", d, got)
				}
				if got, want := a.Outlived(now), c.keptTo > 0 && d >= c.fires; got != want {
					t.Errorf("at %v outlived is %v", d, got)
				}
			}
		})
	}
}

// What anybody says of an alert is worth more than that it was kept.
func TestKeptGivesWay(t *testing.T) {
	start := base.Add(10 * time.Minute)
	saved := build("a", "x", times{-time.Minute, 4 * time.Minute, 0})
	fires := build("a", "x", times{-time.Minute, 14*time.Minute + 5*time.Second, 10*time.Minute + 5*time.Second})
	ended := build("a", "x", times{-time.Minute, 9 * time.Minute, 10*time.Minute + 5*time.Second})
	lapsed := build("a", "x", times{-time.Minute, 5 * time.Minute, time.Minute})
	older := build("a", "x", times{-time.Minute, 3 * time.Minute, -time.Second})
	for _, c := range []struct {
		name           string
		in             alert.Alert
		from           alert.Origin
		kind           alert.Kind // 0: nothing changes
		kept, resolved bool
	}{
		{"the source says that it fires", fires, alert.Posted, alert.Changed, false, false},
		{"a peer has heard that it fires", fires, alert.Heard, alert.Changed, false, false},
		{"the source says that it is over", ended, alert.Posted, alert.Resolved, false, true},
		{"a peer has heard that it is over", ended, alert.Heard, alert.Resolved, false, true},
		{"a peer has heard more, and saw it lapse", lapsed, alert.Heard, alert.Resolved, false, true},
		{"a peer has the same", saved, alert.Heard, 0, true, false},
		{"a peer has less", older, alert.Heard, 0, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := alert.NewStore(alert.Options{TellRefreshed: true})
			s.Merge(start, []alert.Alert{alert.Restored(saved, start, false)})
			now := start.Add(6 * time.Second)
			put := s.Put
			if c.from == alert.Heard {
				put = s.Merge
			}
			res := put(now, []alert.Alert{c.in})
			switch {
			case c.kind == 0 && len(res.Changes) > 0:
				t.Errorf("changes are %v", res.Changes)
			case c.kind != 0 && (len(res.Changes) != 1 || res.Changes[0].Kind != c.kind):
				t.Errorf("changes are %v, want %v", res.Changes, c.kind)
			}
			a := record(t, s, saved).Load()
			if a.Kept(now) != c.kept || a.Resolved(now) != c.resolved || a.Outlived(now.Add(time.Hour)) != c.kept {
				t.Errorf("kept %v, resolved %v: %s", a.Kept(now), a.Resolved(now), show(a))
			}
		})
	}
}

// A kept alert may be collected once it was kept in vain, and not before.
func TestKeptStays(t *testing.T) {
	start := base.Add(10 * time.Minute)
	s := alert.NewStore(alert.Options{})
	s.Merge(start, []alert.Alert{alert.Restored(build("a", "x", times{0, 4 * time.Minute, 0}), start, false)})
	if gone := s.GC(start.Add(4*time.Minute - 1)); len(gone) != 0 {
		t.Error("it was collected while it was kept")
	}
	if gone := s.GC(start.Add(4 * time.Minute)); len(gone) != 1 {
		t.Error("it was not collected after")
	}
}

// What the file need not be told of makes no difference to a restart.
func TestDrifted(t *testing.T) {
	const s, m = time.Second, time.Minute
	saved := times{0, 4 * m, 0}
	for _, c := range []struct {
		name string
		old  times
		upd  times
		want bool
	}{
		{"a refresh", saved, times{0, 5 * m, m}, false},
		{"a refresh that took its time", saved, times{0, 5 * m, m + 2*s}, false},
		{"the source will speak less often", saved, times{0, 9 * m, m}, true},
		{"the source will speak more often", saved, times{0, 2 * m, m}, true},
		{"an end that is set, seen again", times{0, 2 * time.Hour, 0}, times{0, 2 * time.Hour, m}, false},
		{"an end far away that moves", times{0, 2 * time.Hour, 0}, times{0, 3 * time.Hour, m}, true},
		{"from over to firing", times{0, m, m}, times{0, 4 * m, m}, true},
	} {
		old, upd := build("a", "x", c.old), build("a", "x", c.upd)
		if got := alert.Drifted(&old, &upd); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
