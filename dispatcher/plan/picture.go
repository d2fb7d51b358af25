package plan

import (
	"fmt"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/inhibit"
	"tocsin/dispatcher/route"
	"tocsin/fsm/model"
)

// picture is the alerts of a moment as one configuration has them.
type picture struct {
	config *config.Config
	// alerts are those that fire, places where each goes, in the order of the
	// routes.
	alerts map[model.AlertHash]*alert.Alert
	places map[model.AlertHash][]Place
	groups map[groupKey]*group
}

// groupKey names a group within one configuration.
type groupKey struct{ receiver, ledger string }

// group is the alerts that fire and go to one receiver together.
type group struct {
	route         *route.Route
	firing, muted model.AlertSet
	example       *alert.Alert // of those that fire
}

// look makes the picture of the records; c may be nil, which has no routes.
func look(in *Input, c *config.Config, records []*alert.Record) (*picture, error) {
	p := &picture{
		config: c,
		alerts: make(map[model.AlertHash]*alert.Alert),
		places: make(map[model.AlertHash][]Place),
		groups: make(map[groupKey]*group),
	}
	if c == nil {
		return p, nil
	}
	inhibitor, err := inhibit.New(c.InhibitRules)
	if err != nil {
		return nil, fmt.Errorf("compile the inhibition rules: %w", err)
	}
	for _, r := range records {
		inhibitor.Observe(r)
	}
	hours := make(map[*route.Route]string)
	sets := make(map[*group]*hashes)
	for _, r := range records {
		a := r.Load()
		if a.Resolved(in.Now) {
			continue
		}
		p.alerts[a.Hash] = a
		_, inhibited := inhibitor.Inhibits(a, in.Now)
		silenced := in.Silenced(a, in.Now)
		for _, taken := range c.Routes.Match(a.Labels) {
			muted, known := hours[taken]
			if !known {
				muted = byHours(c, taken, in.Now)
				hours[taken] = muted
			}
			if inhibited {
				muted = "inhibition"
			}
			p.place(a, taken, muted)
			p.file(sets, a, taken, muted != "" || silenced)
		}
	}
	for g, s := range sets {
		g.firing, g.muted = model.NewAlertSet(s.firing...), model.NewAlertSet(s.muted...)
	}
	return p, nil
}

// hashes collects the sets of a group.
type hashes struct{ firing, muted []model.AlertHash }

func (p *picture) place(a *alert.Alert, r *route.Route, muted string) {
	p.places[a.Hash] = append(p.places[a.Hash], Place{
		Receiver: r.Receiver, Group: r.GroupKey(r.GroupLabels(a.Labels)), Muted: muted,
	})
}

// file puts an alert into its group on a route.
func (p *picture) file(sets map[*group]*hashes, a *alert.Alert, r *route.Route, muted bool) {
	key := groupKey{r.Receiver, r.LedgerKey(r.GroupLabels(a.Labels))}
	g := p.groups[key]
	if g == nil {
		g = &group{route: r}
		p.groups[key] = g
		sets[g] = &hashes{}
	}
	s := sets[g]
	if muted {
		s.muted = append(s.muted, a.Hash)
		return
	}
	s.firing = append(s.firing, a.Hash)
	if g.example == nil || alert.CompareLabels(a.Labels, g.example.Labels) < 0 {
		g.example = a
	}
}

// byHours is why a route's time intervals mute it, in Alertmanager's words.
func byHours(c *config.Config, r *route.Route, now time.Time) string {
	if len(r.ActiveTimeIntervals) > 0 {
		if active, _, err := c.Intervals.Mutes(r.ActiveTimeIntervals, now); err == nil && !active {
			return "active_time_interval"
		}
	}
	if len(r.MuteTimeIntervals) > 0 {
		if muted, _, err := c.Intervals.Mutes(r.MuteTimeIntervals, now); err == nil && muted {
			return "mute_time_interval"
		}
	}
	return ""
}
