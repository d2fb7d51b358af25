package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
	"tocsin/httpapi/view"
)

// maxRows bounds each table of the page.
const maxRows = 50

// data is what the template shows.
type data struct {
	Prefix   string
	Node     string
	Version  string
	Started  time.Time
	Now      time.Time
	Cluster  view.Cluster
	Leader   string
	Peers    []peerRow
	Banner   banner
	Counts   counts
	Groups   []groupRow
	Silences []silenceRow
	Config   *model.ConfigVersion
	ConfigAt time.Time
	// MoreGroups and MoreSilences count what did not fit.
	MoreGroups, MoreSilences int
}

// banner is the one sentence at the top. Level is "good", "warn" or "bad".
type banner struct{ Level, Text string }

type counts struct{ Active, Suppressed, Groups, Silences int }

type peerRow struct {
	view.Peer
	Self bool
	Role string
}

type groupRow struct {
	Labels             string
	Receiver           string
	Active, Suppressed int
	Since              time.Time
	MutedBy            string
}

type silenceRow struct {
	ID, Matchers, State, CreatedBy, Comment string
	EndsAt                                  time.Time
}

func (p *Page) data() data {
	st := p.opts.Cluster()
	d := data{
		Prefix: p.opts.Prefix, Node: st.Name, Version: p.opts.Build.Version,
		Started: p.opts.Started, Now: p.opts.Now(), Cluster: st,
		Leader: st.LeaderName(), Peers: peers(&st), Config: p.opts.Versions.Active(),
	}
	d.Banner = bannerOf(&st)
	if d.Config != nil {
		d.ConfigAt = time.UnixMilli(int64(d.Config.Stamp)).UTC()
	}
	d.Counts.Active, d.Counts.Suppressed = p.countAlerts(d.Now)
	d.Groups, d.Counts.Groups = p.groups()
	d.Silences, d.Counts.Silences = p.silences(d.Now)
	d.MoreGroups, d.MoreSilences = d.Counts.Groups-len(d.Groups), d.Counts.Silences-len(d.Silences)
	return d
}

func bannerOf(st *view.Cluster) banner {
	switch {
	case st.Storage != "":
		return banner{"bad", "This node's disk failed: " + st.Storage + ". It still notifies, alone."}
	case !st.DegradedSince.IsZero():
		return banner{"bad", fmt.Sprintf("No quorum since %s UTC: notifications are still sent, perhaps twice; silences and configuration cannot be changed.",
			st.DegradedSince.UTC().Format("15:04:05"))}
	case st.Waiting != "":
		return banner{"warn", "Not a member of a cluster yet: " + st.Waiting}
	case !st.Quorum.Held:
		return banner{"bad", "No quorum: silences and configuration cannot be changed."}
	case st.Quorum.Reachable < st.Quorum.Voters:
		return banner{"warn", fmt.Sprintf("%s leads, but only %d of %d voters are in sight.", st.LeaderName(), st.Quorum.Reachable, st.Quorum.Voters)}
	case st.Quorum.Voters == 1:
		return banner{"good", st.LeaderName() + " is the only voter: nothing takes over if it fails."}
	default:
		return banner{"good", fmt.Sprintf("%s leads; all %d voters are in sight.", st.LeaderName(), st.Quorum.Voters)}
	}
}

func peers(st *view.Cluster) []peerRow {
	var out []peerRow
	for _, p := range st.Sorted() {
		out = append(out, peerRow{Peer: p, Self: p.ID == st.Self, Role: st.Role(&p)})
	}
	return out
}

func (p *Page) countAlerts(now time.Time) (active, suppressed int) {
	for r := range p.opts.Alerts.All() {
		a := r.Load()
		if a.Resolved(now) {
			continue
		}
		if p.opts.Dispatcher.Status(a).State == dispatcher.StateSuppressed {
			suppressed++
		} else {
			active++
		}
	}
	return active, suppressed
}

// groups are the groups with most active alerts, and how many there are.
func (p *Page) groups() ([]groupRow, int) {
	views := p.opts.Dispatcher.Groups(dispatcher.GroupFilter{})
	rows := make([]groupRow, 0, len(views))
	for i := range views {
		rows = append(rows, groupRowOf(&views[i]))
	}
	slices.SortStableFunc(rows, func(a, b groupRow) int { return cmp.Compare(b.Active, a.Active) })
	return rows[:min(len(rows), maxRows)], len(rows)
}

func groupRowOf(g *dispatcher.GroupView) groupRow {
	row := groupRow{Labels: labelsText(g.Labels), Receiver: g.Receiver, MutedBy: strings.Join(g.MutedBy, ", ")}
	for i := range g.Alerts {
		a := &g.Alerts[i]
		if a.Status.State == dispatcher.StateSuppressed {
			row.Suppressed++
		} else {
			row.Active++
		}
		if at := alert.Time(a.StartsAt); row.Since.IsZero() || at.Before(row.Since) {
			row.Since = at
		}
	}
	return row
}

// labelsText is labels for people; a group of all alerts of a route has none.
func labelsText(ls alert.Labels) string {
	var parts []string
	for n, v := range ls.All() {
		parts = append(parts, n+"="+v)
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, "  ")
}

// silences are those that are active or pending, the next to end in front, and
// how many there are.
func (p *Page) silences(now time.Time) ([]silenceRow, int) {
	at := model.Millis(now.UnixMilli())
	var live []*model.Silence
	for s := range p.opts.Silences.Silences() {
		if s.State(at) != model.SilenceExpired {
			live = append(live, s)
		}
	}
	slices.SortFunc(live, func(a, b *model.Silence) int {
		return cmp.Or(cmp.Compare(a.EndsAt, b.EndsAt), cmp.Compare(a.ID, b.ID))
	})
	var rows []silenceRow
	for _, s := range live[:min(len(live), maxRows)] {
		rows = append(rows, silenceRow{
			ID: s.ID, Matchers: matchersText(s), State: s.State(at).String(), CreatedBy: s.CreatedBy,
			Comment: s.Comment, EndsAt: time.UnixMilli(int64(s.EndsAt)).UTC(),
		})
	}
	return rows, len(live)
}

func matchersText(s *model.Silence) string {
	signs := [...]string{model.MatchEqual: "=", model.MatchNotEqual: "!=", model.MatchRegexp: "=~", model.MatchNotRegexp: "!~"}
	var sets []string
	for _, set := range s.MatcherSets {
		var parts []string
		for _, m := range set {
			if int(m.Type) < len(signs) {
				parts = append(parts, fmt.Sprintf("%s%s%q", m.Name, signs[m.Type], m.Value))
			}
		}
		sets = append(sets, strings.Join(parts, "  "))
	}
	return strings.Join(sets, "  or  ")
}

// ago is how long before or after now a time is, in one unit or two.
func (p *Page) ago(t time.Time) string {
	d := p.opts.Now().Sub(t)
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}
