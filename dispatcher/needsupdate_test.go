package dispatcher_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	upstream "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	amnotify "github.com/prometheus/alertmanager/notify"
	prommodel "github.com/prometheus/common/model"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

func set(hs ...model.AlertHash) model.AlertSet { return model.NewAlertSet(hs...) }

func TestNeedsUpdate(t *testing.T) {
	const now, hour = model.Millis(100 * 3600_000), model.Millis(3600_000)
	told := func(e model.Entry) *model.Entry {
		if e.Stamp == 0 {
			e.Stamp = now - 1000
		}
		return &e
	}
	for _, c := range []struct {
		name  string
		entry *model.Entry
		s     dispatcher.Situation
		want  model.Reason
	}{
		{"never told, nothing there", nil, dispatcher.Situation{}, model.ReasonNone},
		{"never told, fires", nil, dispatcher.Situation{Firing: set(1)}, model.ReasonFirst},
		{"never told, resolved", nil, dispatcher.Situation{Resolved: set(1), SendResolved: true}, model.ReasonNone},
		{"told", told(model.Entry{Must: set(1, 2)}), dispatcher.Situation{Firing: set(1, 2)}, model.ReasonNone},
		{"one more", told(model.Entry{Must: set(1)}), dispatcher.Situation{Firing: set(1, 2)}, model.ReasonNewAlerts},
		{"after all resolved", told(model.Entry{Resolved: set(1)}), dispatcher.Situation{Firing: set(1)}, model.ReasonFirst},
		{"one less, unwanted", told(model.Entry{Must: set(1, 2)}), dispatcher.Situation{Firing: set(1), Resolved: set(2)}, model.ReasonNone},
		{"one less", told(model.Entry{Must: set(1, 2)}), dispatcher.Situation{Firing: set(1), Resolved: set(2), SendResolved: true}, model.ReasonSomeResolved},
		{"one less, told", told(model.Entry{Must: set(1), Resolved: set(2)}), dispatcher.Situation{Firing: set(1), Resolved: set(2), SendResolved: true}, model.ReasonNone},
		{"one gone without a word", told(model.Entry{Must: set(1, 2)}), dispatcher.Situation{Firing: set(1), SendResolved: true}, model.ReasonNone},
		{"all resolved", told(model.Entry{Must: set(1)}), dispatcher.Situation{Resolved: set(1), SendResolved: true}, model.ReasonAllResolved},
		{"all resolved, unwanted", told(model.Entry{Must: set(1)}), dispatcher.Situation{Resolved: set(1)}, model.ReasonAllResolved},
		{"all resolved, told", told(model.Entry{Resolved: set(1)}), dispatcher.Situation{Resolved: set(1), SendResolved: true}, model.ReasonNone},
		{"resolved beside what is muted", told(model.Entry{Must: set(1)}), dispatcher.Situation{Resolved: set(2), Muted: set(1), SendResolved: true}, model.ReasonNone},
		{"told one resolved, the other muted", told(model.Entry{Must: set(1, 2)}), dispatcher.Situation{Resolved: set(2), Muted: set(1), SendResolved: true}, model.ReasonAllResolved},
		{"only muted", told(model.Entry{Must: set(1)}), dispatcher.Situation{Muted: set(1), SendResolved: true}, model.ReasonNone},
		{"in doubt, fires", told(model.Entry{Maybe: set(1)}), dispatcher.Situation{Firing: set(1)}, model.ReasonFirst},
		{"in doubt, fires beside another", told(model.Entry{Must: set(2), Maybe: set(1)}), dispatcher.Situation{Firing: set(1, 2)}, model.ReasonNewAlerts},
		{"in doubt, nothing else, resolved", told(model.Entry{Maybe: set(1)}), dispatcher.Situation{Resolved: set(1), SendResolved: true}, model.ReasonAllResolved},
		{"in doubt and told as resolved", told(model.Entry{Must: set(2), Maybe: set(1), Resolved: set(1)}), dispatcher.Situation{Firing: set(2), Resolved: set(1), SendResolved: true}, model.ReasonSomeResolved},
		{"in doubt, resolved", told(model.Entry{Must: set(1), Maybe: set(2)}), dispatcher.Situation{Firing: set(1), Resolved: set(2), SendResolved: true}, model.ReasonSomeResolved},
		{"in doubt, resolved, unwanted", told(model.Entry{Must: set(1), Maybe: set(2)}), dispatcher.Situation{Firing: set(1), Resolved: set(2)}, model.ReasonNone},
		{"in doubt, all resolved, unwanted", told(model.Entry{Maybe: set(2)}), dispatcher.Situation{Resolved: set(2)}, model.ReasonAllResolved},
		{"in doubt, not there", told(model.Entry{Must: set(1), Maybe: set(2)}), dispatcher.Situation{Firing: set(1), SendResolved: true}, model.ReasonNone},
		{"repeat", told(model.Entry{Must: set(1), Stamp: now - hour - 1}), dispatcher.Situation{Firing: set(1)}, model.ReasonRepeat},
		{"repeat not yet", told(model.Entry{Must: set(1), Stamp: now - hour}), dispatcher.Situation{Firing: set(1)}, model.ReasonNone},
		{"repeat is for what fires", told(model.Entry{Resolved: set(1), Stamp: now - 9*hour}), dispatcher.Situation{Resolved: set(1), SendResolved: true}, model.ReasonNone},
		{"told a moment from now", told(model.Entry{Must: set(1), Stamp: now + 30_000}), dispatcher.Situation{Firing: set(1)}, model.ReasonNone},
		{"told an hour from now", told(model.Entry{Must: set(1), Stamp: now + hour}), dispatcher.Situation{Firing: set(1)}, model.ReasonNone},
		{"told years from now", told(model.Entry{Must: set(1), Stamp: now + 20000*hour}), dispatcher.Situation{Firing: set(1)}, model.ReasonRepeat},
	} {
		c.s.Repeat, c.s.Tick, c.s.Now = time.Hour, now, now
		if got := dispatcher.NeedsUpdate(c.entry, c.s); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Alertmanager's own dedup, asked the same, says the same where its log can say
// what ours does: nothing in doubt, nothing muted, no faulty clock, and a
// message about all that fired before.
func TestNeedsUpdateAsAlertmanager(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		where := rapid.SliceOfN(rapid.IntRange(0, 2), 5, 5).Draw(t, "where") // 0 away, 1 firing, 2 resolved
		known := rapid.SliceOfN(rapid.IntRange(0, 2), 5, 5).Draw(t, "known")
		fresh, sendResolved := rapid.Bool().Draw(t, "fresh"), rapid.Bool().Draw(t, "sendResolved")
		age := rapid.Int64Range(0, 4).Draw(t, "age")
		tick := time.Unix(1_700_000_000, 0)

		var alerts []*upstream.Alert
		s := dispatcher.Situation{SendResolved: sendResolved, Repeat: 2 * time.Minute, Tick: model.Millis(tick.UnixMilli()), Now: model.Millis(tick.UnixMilli())}
		entry := model.Entry{Stamp: s.Tick - model.Millis(age*60_000)}
		for i := range where {
			a := alert.Of(alert.NewLabels(map[string]string{"alertname": string(rune('a' + i))}))
			h := set(a.Hash)
			u := a.Upstream()
			u.StartsAt = tick.Add(-time.Hour)
			switch where[i] {
			case 1:
				s.Firing = s.Firing.Union(h)
				alerts = append(alerts, u)
			case 2:
				s.Resolved = s.Resolved.Union(h)
				u.EndsAt = tick.Add(-time.Minute)
				alerts = append(alerts, u)
			}
			switch known[i] {
			case 1:
				entry.Must = entry.Must.Union(h)
			case 2:
				entry.Resolved = entry.Resolved.Union(h)
			}
		}
		if len(alerts) == 0 {
			return
		}
		var e *model.Entry
		if !fresh {
			e = &entry
		}
		got := dispatcher.NeedsUpdate(e, s)
		if want := askUpstream(t, e, alerts, sendResolved, s.Repeat, tick); got.String() != want {
			t.Fatalf("%s, Alertmanager says %s: %+v, %+v", got, want, e, s)
		}
	})
}

// askUpstream is the reason that Alertmanager's dedup stage gives.
func askUpstream(t *rapid.T, e *model.Entry, alerts []*upstream.Alert, sendResolved bool, repeat time.Duration, now time.Time) string {
	log := &fixedLog{}
	if e != nil {
		log.entry = &nflogpb.Entry{Timestamp: timestamppb.New(time.UnixMilli(int64(e.Stamp)))}
		for _, h := range e.Must {
			log.entry.FiringAlerts = append(log.entry.FiringAlerts, uint64(h))
		}
		for _, h := range e.Resolved {
			log.entry.ResolvedAlerts = append(log.entry.ResolvedAlerts, uint64(h))
		}
	}
	stage := amnotify.NewDedupStage(resolvedSender(sendResolved), log, &nflogpb.Receiver{})
	ctx := amnotify.WithNow(context.Background(), now)
	ctx = amnotify.WithGroupKey(ctx, "group")
	ctx = amnotify.WithGroupLabels(ctx, prommodel.LabelSet{})
	ctx = amnotify.WithRepeatInterval(ctx, repeat)
	ctx, out, err := stage.Exec(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)), alerts...)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		return model.ReasonNone.String()
	}
	reason, ok := amnotify.NotificationReason(ctx)
	if !ok {
		t.Fatal("no reason")
	}
	return reason.String()
}

type fixedLog struct{ entry *nflogpb.Entry }

func (l *fixedLog) Log(*nflogpb.Receiver, string, []uint64, []uint64, *nflog.Store, time.Duration) error {
	return nil
}

func (l *fixedLog) Query(...nflog.QueryParam) ([]*nflogpb.Entry, error) {
	if l.entry == nil {
		return nil, nflog.ErrNotFound
	}
	return []*nflogpb.Entry{l.entry}, nil
}

type resolvedSender bool

func (s resolvedSender) SendResolved() bool { return bool(s) }
