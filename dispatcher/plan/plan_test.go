package plan_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/config"
	"tocsin/dispatcher/plan"
	"tocsin/fsm/model"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const base = `
route:
  receiver: all
  group_by: [alertname]
  routes:
    - {matchers: [team=db], receiver: db}
receivers:
  - {name: all, webhook_configs: [{url: "http://all.example/"}]}
  - {name: db, webhook_configs: [{url: "http://db.example/"}]}
`

// moment is a cluster at one moment.
type moment struct {
	t      *testing.T
	old    *config.Config
	alerts *alert.Store
	ledger map[model.DeliveryKey]*model.Entry
	silent string // alertname that is silenced
}

func newMoment(t *testing.T, yaml string) *moment {
	t.Helper()
	if err := config.InitMode(config.ModeDefault, nil); err != nil {
		t.Fatal(err)
	}
	m := &moment{t: t, alerts: alert.NewStore(alert.Options{}), ledger: make(map[model.DeliveryKey]*model.Entry)}
	m.old = m.load(yaml)
	return m
}

func (m *moment) load(yaml string) *config.Config {
	m.t.Helper()
	c, err := config.Load(&model.ConfigVersion{YAML: []byte(yaml)}, config.Options{})
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

// fires adds an alert; told says that all its receivers know of it.
func (m *moment) fires(told bool, pairs ...string) {
	m.t.Helper()
	set := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	a := alert.Of(alert.NewLabels(set))
	a.StartsAt, a.UpdatedAt, a.EndsAt = alert.Nanos(now.Add(-time.Hour)), alert.Nanos(now), alert.Nanos(now.Add(time.Hour))
	m.alerts.Put(now, []alert.Alert{a})
	if !told {
		return
	}
	for _, r := range m.old.Routes.Match(a.Labels) {
		for _, i := range m.old.Receivers[r.Receiver].Integrations {
			key := model.DeliveryKey{Group: r.LedgerKey(r.GroupLabels(a.Labels)), Receiver: r.Receiver, Integration: i.Identity()}
			e := m.ledger[key]
			if e == nil {
				e = &model.Entry{Key: key, Rev: 1, Stamp: model.Millis(now.Add(-time.Minute).UnixMilli())}
				m.ledger[key] = e
			}
			e.Must = e.Must.Union(model.AlertSet{a.Labels.Hash()})
		}
	}
}

func (m *moment) plan(yaml string) plan.Plan {
	m.t.Helper()
	p, err := plan.Of(plan.Input{
		Old: m.old, New: m.load(yaml), Alerts: m.alerts.All(), Now: now,
		Silenced: func(a *alert.Alert, _ time.Time) bool { return m.silent != "" && a.Labels.Get("alertname") == m.silent },
		Entry:    func(k model.DeliveryKey) (*model.Entry, bool) { e, ok := m.ledger[k]; return e, ok },
		Entries:  maps.Values(m.ledger),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

// text is a plan in short: lines of who moves, is told, is left.
func text(p plan.Plan) string {
	var lines []string
	places := func(ps []plan.Place) string {
		var out []string
		for _, at := range ps {
			out = append(out, strings.TrimSpace(at.Receiver+" "+at.Muted))
		}
		return strings.Join(out, "+")
	}
	for _, m := range p.Moves {
		lines = append(lines, "move "+string(rune('0'+m.Alerts))+" "+m.Example.Get("alertname")+" "+places(m.From)+" > "+places(m.To))
	}
	for _, t := range p.Tells {
		lines = append(lines, "tell "+t.Key.Receiver+" "+t.Key.Group+" "+t.Reason.String())
	}
	for _, o := range p.Orphans {
		lines = append(lines, "orphan "+o.Key.Receiver+" "+o.Key.Group+" "+string(rune('0'+o.Alerts)))
	}
	for what, names := range map[string][]string{"added": p.Added, "removed": p.Removed, "changed": p.Changed} {
		if len(names) > 0 {
			lines = append(lines, what+" "+strings.Join(names, ","))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestPlans(t *testing.T) {
	for _, c := range []struct {
		name   string
		silent string
		change []string // old, new, old, new…
		want   string
	}{
		{"the same", "", nil, ""},
		{
			"a route goes", "",
			[]string{"    - {matchers: [team=db], receiver: db}\n", "    - {matchers: [team=web], receiver: db}\n"},
			"move 2 Disk db > all\norphan db {}/{team=\"db\"}:{alertname=\"Disk\"} 2\ntell all {}:{alertname=\"Disk\"} first notification",
		},
		{
			"that is silenced", "Disk",
			[]string{"    - {matchers: [team=db], receiver: db}\n", "    - {matchers: [team=web], receiver: db}\n"},
			"move 2 Disk db > all\norphan db {}/{team=\"db\"}:{alertname=\"Disk\"} 2",
		},
		{
			"an address changes", "",
			[]string{"http://all.example/", "http://new.example/"},
			"changed all\norphan all {}:{alertname=\"Up\"} 1\ntell all {}:{alertname=\"Fresh\"} first notification\ntell all {}:{alertname=\"Up\"} first notification",
		},
		{
			"a receiver more", "",
			[]string{"receiver: db}\n", "receiver: db, continue: true}\n    - {matchers: [team=db], receiver: pager}\n", "receivers:\n", "receivers:\n  - {name: pager, webhook_configs: [{url: 'http://p.example'}]}\n"},
			"added pager\nmove 2 Disk db > db+pager\ntell pager {}/{team=\"db\"}:{alertname=\"Disk\"} first notification",
		},
		{
			"inhibition", "",
			[]string{"receivers:\n", "inhibit_rules: [{source_matchers: [alertname=Up], target_matchers: [alertname=Disk]}]\nreceivers:\n"},
			"move 2 Disk db > db inhibition",
		},
		{
			"repeats come sooner", "",
			[]string{"  group_by: [alertname]\n", "  group_by: [alertname]\n  repeat_interval: 30s\n  group_interval: 10s\n"},
			"tell all {}:{alertname=\"Up\"} repeat interval elapsed\ntell db {}/{team=\"db\"}:{alertname=\"Disk\"} repeat interval elapsed",
		},
		{
			"at night", "",
			[]string{"receiver: db}\n", "receiver: db, mute_time_intervals: [noon]}\ntime_intervals: [{name: noon, time_intervals: [{times: [{start_time: '11:00', end_time: '13:00'}]}]}]\n"},
			"move 2 Disk db > db mute_time_interval",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMoment(t, base)
			m.silent = c.silent
			m.fires(true, "alertname", "Up", "instance", "1")
			m.fires(true, "alertname", "Disk", "team", "db", "instance", "1")
			m.fires(true, "alertname", "Disk", "team", "db", "instance", "2")
			m.fires(false, "alertname", "Fresh") // is told soon, whatever runs
			yaml := base
			if len(c.change) > 0 {
				yaml = strings.NewReplacer(c.change...).Replace(base)
				if yaml == base {
					t.Fatal("nothing is changed")
				}
			}
			got := m.plan(yaml)
			if s := text(got); s != c.want {
				t.Errorf("got\n%s\nwant\n%s", s, c.want)
			}
			if got.Alerts != 4 || got.Empty() != (c.want == "") {
				t.Errorf("%d alerts, empty %v", got.Alerts, got.Empty())
			}
		})
	}
}

func TestFirstConfiguration(t *testing.T) {
	m := newMoment(t, base)
	m.fires(false, "alertname", "Up")
	m.old = nil
	if got, want := text(m.plan(base)), "added all,db\nmove 1 Up  > all\ntell all {}:{alertname=\"Up\"} first notification"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
