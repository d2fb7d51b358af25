package plan

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/fsm/model"
)

// Plan is what would change. Its lists are in a fixed order.
type Plan struct {
	// Alerts counts the alerts that fire now.
	Alerts int
	// Moves are the alerts that would go elsewhere.
	Moves []Move
	// Tells are the notifications that would go out because of the change, most
	// of them at once.
	Tells []Tell
	// Orphans are receivers that were told that something fires and would not be
	// told its end.
	Orphans []Orphan
	// Added, Removed and Changed are names of receivers; a changed one is told in
	// other ways than before. One that no route names counts as there, unchanged.
	Added, Removed, Changed []string
}

// Empty reports whether nothing would change for anybody.
func (p *Plan) Empty() bool {
	return len(p.Moves)+len(p.Tells)+len(p.Orphans)+len(p.Added)+len(p.Removed)+len(p.Changed) == 0
}

// Place is where an alert goes: a group of a receiver, and what keeps it from
// being told there, if anything does.
type Place struct {
	Receiver string
	// Group is Alertmanager's group key.
	Group string
	// Muted is "inhibition", "mute_time_interval" or "active_time_interval";
	// empty if nothing of the configuration mutes it.
	Muted string
}

// Move is a number of alerts that go the same way.
type Move struct {
	Alerts int
	// Example is one of them.
	Example  alert.Labels
	From, To []Place
}

// Tell is a notification that would go out.
type Tell struct {
	Key    model.DeliveryKey
	Reason model.Reason
	// Firing counts its alerts, Example is one of them.
	Firing  int
	Example alert.Labels
}

// Orphan is a receiver that believes that Alerts alerts of a group fire.
type Orphan struct {
	Key    model.DeliveryKey
	Alerts int
	// Example is one of them.
	Example alert.Labels
}

// Input is the moment to look at.
type Input struct {
	// Old is what runs; nil if nothing does. New is what would.
	Old, New *config.Config
	// Alerts are all alerts of the node.
	Alerts iter.Seq[*alert.Record]
	// Silenced reports whether a silence mutes an alert at a time.
	Silenced func(*alert.Alert, time.Time) bool
	// Entry is what the ledger knows of a key, Entries all that it knows.
	Entry   func(model.DeliveryKey) (*model.Entry, bool)
	Entries iter.Seq[*model.Entry]
	Now     time.Time
}

// Of compares.
func Of(in Input) (Plan, error) {
	records := slices.Collect(in.Alerts)
	before, err := look(&in, in.Old, records)
	if err != nil {
		return Plan{}, err
	}
	after, err := look(&in, in.New, records)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Alerts: len(after.alerts)}
	p.Moves = moves(before, after)
	p.Tells = tells(&in, before, after)
	p.Orphans = orphans(&in, before, after)
	p.Added, p.Removed, p.Changed = receivers(in.Old, in.New)
	return p, nil
}

// moves are the alerts whose places differ, those that go the same way together.
func moves(before, after *picture) []Move {
	type way struct{ from, to string }
	by := make(map[way]*Move)
	for h, a := range after.alerts {
		from, to := before.places[h], after.places[h]
		if slices.Equal(from, to) {
			continue
		}
		w := way{textOf(from), textOf(to)}
		m := by[w]
		if m == nil {
			m = &Move{Example: a.Labels, From: from, To: to}
			by[w] = m
		}
		m.Alerts++
		if alert.CompareLabels(a.Labels, m.Example) < 0 {
			m.Example = a.Labels
		}
	}
	out := make([]Move, 0, len(by))
	for _, m := range by {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Move) int {
		return cmp.Or(cmp.Compare(b.Alerts, a.Alerts), alert.CompareLabels(a.Example, b.Example))
	})
	return out
}

func textOf(places []Place) string {
	var out []byte
	for _, p := range places {
		for _, part := range []string{p.Receiver, p.Group, p.Muted} {
			out = append(append(out, part...), 0)
		}
	}
	return string(out)
}

// receivers compares who can be told, by name.
func receivers(before, after *config.Config) (added, removed, changed []string) {
	old, now := integrations(before), integrations(after)
	for name, ids := range now {
		had, ok := old[name]
		switch {
		case !ok:
			added = append(added, name)
		case had != nil && ids != nil && !slices.Equal(had, ids):
			changed = append(changed, name)
		}
	}
	for name := range old {
		if _, ok := now[name]; !ok {
			removed = append(removed, name)
		}
	}
	slices.Sort(added)
	slices.Sort(removed)
	slices.Sort(changed)
	return added, removed, changed
}

// integrations are the identities of each receiver's integrations, in order. A
// receiver that no route names has none.
func integrations(c *config.Config) map[string][]string {
	out := make(map[string][]string)
	if c == nil {
		return out
	}
	for _, r := range c.ReceiverNames {
		out[r.Name] = nil
	}
	for name, r := range c.Receivers {
		for _, i := range r.Integrations {
			out[name] = append(out[name], i.Identity())
		}
		slices.Sort(out[name])
	}
	return out
}
