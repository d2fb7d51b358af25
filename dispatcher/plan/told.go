package plan

import (
	"slices"

	"tocsin/dispatcher"
	"tocsin/dispatcher/notify"
	"tocsin/fsm/model"
)

// tells are the notifications that would go out after the change and would not
// without it, ascending by key.
func tells(in *Input, before, after *picture) []Tell {
	var out []Tell
	for key, g := range after.groups {
		for _, i := range after.integrations(key.receiver) {
			full := model.DeliveryKey{Group: key.ledger, Receiver: key.receiver, Integration: i.Identity()}
			entry, _ := in.Entry(full)
			reason := due(in, g, i, entry)
			if reason == model.ReasonNone || dueAnyway(in, before, key, g, i, entry) {
				continue
			}
			out = append(out, Tell{Key: full, Reason: reason, Firing: len(g.firing), Example: g.example.Labels})
		}
	}
	slices.SortFunc(out, func(a, b Tell) int { return a.Key.Compare(b.Key) })
	return out
}

// due says why an integration would be told of a group now.
func due(in *Input, g *group, i *notify.Integration, entry *model.Entry) model.Reason {
	if len(g.firing) == 0 {
		return model.ReasonNone
	}
	now := model.Millis(in.Now.UnixMilli())
	return dispatcher.NeedsUpdate(entry, dispatcher.Situation{
		Firing: g.firing, Muted: g.muted, SendResolved: i.SendResolved(),
		Repeat: g.route.RepeatInterval, Tick: now, Now: now,
	})
}

// dueAnyway reports whether the same would go out without the change.
func dueAnyway(in *Input, before *picture, key groupKey, g *group, i *notify.Integration, entry *model.Entry) bool {
	old := before.groups[key]
	if old == nil || !before.has(key.receiver, i.Identity()) {
		return false
	}
	return g.firing.SubsetOf(old.firing) && due(in, old, i, entry) != model.ReasonNone
}

// orphans are the ledger's entries that say that alerts fire which fire still,
// and that nobody would close any more, ascending by key.
func orphans(in *Input, before, after *picture) []Orphan {
	var out []Orphan
	for e := range in.Entries {
		open := e.Must.Union(e.Maybe)
		if len(open) == 0 || !before.tellsEnd(e.Key) {
			continue
		}
		key := groupKey{e.Key.Receiver, e.Key.Group}
		lost := open.Intersect(before.members(key))
		if after.tellsEnd(e.Key) {
			lost = lost.Minus(after.members(key))
		}
		if len(lost) > 0 {
			out = append(out, Orphan{Key: e.Key, Alerts: len(lost), Example: before.alerts[lost[0]].Labels})
		}
	}
	slices.SortFunc(out, func(a, b Orphan) int { return a.Key.Compare(b.Key) })
	return out
}

// members are the alerts of a group, muted ones included.
func (p *picture) members(key groupKey) model.AlertSet {
	g := p.groups[key]
	if g == nil {
		return nil
	}
	return g.firing.Union(g.muted)
}

func (p *picture) integrations(receiver string) []*notify.Integration {
	if p.config == nil || p.config.Receivers[receiver] == nil {
		return nil
	}
	return p.config.Receivers[receiver].Integrations
}

func (p *picture) has(receiver, identity string) bool {
	return slices.ContainsFunc(p.integrations(receiver), func(i *notify.Integration) bool { return i.Identity() == identity })
}

// tellsEnd reports whether an integration is there and hears of resolved alerts.
func (p *picture) tellsEnd(key model.DeliveryKey) bool {
	return slices.ContainsFunc(p.integrations(key.Receiver), func(i *notify.Integration) bool {
		return i.Identity() == key.Integration && i.SendResolved()
	})
}
