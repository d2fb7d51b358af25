package v2

import (
	"maps"
	"slices"

	"github.com/labstack/echo/v4"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
)

func (a *API) getGroups(c echo.Context) error {
	q := c.QueryParams()
	filter, err := filterOf(q)
	if err != nil {
		return err
	}
	receivers, err := receiverFilterOf(q, a.config())
	if err != nil {
		return err
	}
	show := statesOf(q)
	groups := a.opts.Dispatcher.Groups(dispatcher.GroupFilter{
		Receiver: receivers.passes,
		Alert: func(al *alert.Alert, st dispatcher.AlertStatus) bool {
			return filter.Match(al.Labels) && show.show(&st)
		},
	})
	if !flag(q, "muted") {
		groups = slices.DeleteFunc(groups, func(g dispatcher.GroupView) bool { return len(g.MutedBy) > 0 })
	}
	a.writeGroups(c, groups)
	return nil
}

func (a *API) writeGroups(c echo.Context, groups []dispatcher.GroupView) {
	b := newBuffer(c.Response())
	b.b = append(b.b, '[')
	for i := range groups {
		if i > 0 {
			b.b = append(b.b, ',')
		}
		if !b.group(&groups[i]) {
			break
		}
	}
	b.b = append(b.b, ']')
	a.gone(c, b.finish())
}

// group appends one group, and reports whether it makes sense to go on.
func (b *buffer) group(g *dispatcher.GroupView) bool {
	b.raw(`{"alerts":[`)
	for i := range g.Alerts {
		if i > 0 {
			b.b = append(b.b, ',')
		}
		al := &g.Alerts[i]
		b.alert(al.Alert, &al.Status, al.Receivers)
		if !b.spill() {
			return false
		}
	}
	b.raw(`],"labels":`)
	b.pairs(g.Labels.All())
	b.raw(`,"receiver":`)
	b.receiver(g.Receiver)
	b.raw(`,"routeLabels":`)
	b.pairs(func(yield func(string, string) bool) {
		for _, n := range slices.Sorted(maps.Keys(g.RouteLabels)) {
			if !yield(n, g.RouteLabels[n]) {
				return
			}
		}
	})
	b.b = append(b.b, '}')
	return b.spill()
}
