package event

import (
	"context"
	"time"

	upstreamalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/eventrecorder/eventrecorderpb"
	upstream "github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/pkg/labels"
	prommodel "github.com/prometheus/common/model"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tocsin/dispatcher/alert"
	"tocsin/fsm/model"
)

// Group is a group of alerts.
type Group struct {
	Key, Receiver string
	Labels        alert.Labels
}

func (g *Group) info() *eventrecorderpb.AlertGroupInfo {
	return &eventrecorderpb.AlertGroupInfo{
		GroupKey: g.Key, GroupId: upstream.Key(g.Key).Hash(), ReceiverName: g.Receiver, GroupLabels: labelSet(g.Labels),
	}
}

// Started records the start of the process.
func (r *Recorder) Started(version, build string) {
	if r == nil {
		return
	}
	r.record(func() *eventrecorderpb.EventData {
		return &eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_AlertmanagerStartupEvent{
			AlertmanagerStartupEvent: &eventrecorderpb.AlertmanagerStartupEvent{Version: version, BuildContext: build},
		}}
	})
}

// Stopped records its end.
func (r *Recorder) Stopped() {
	if r == nil {
		return
	}
	r.record(func() *eventrecorderpb.EventData {
		return &eventrecorderpb.EventData{EventType: &eventrecorderpb.EventData_AlertmanagerShutdownEvent{
			AlertmanagerShutdownEvent: &eventrecorderpb.AlertmanagerShutdownEvent{},
		}}
	})
}

// Created records an alert that is new to this node.
func (r *Recorder) Created(a *alert.Alert) {
	if r == nil {
		return
	}
	r.record(func() *eventrecorderpb.EventData { return eventrecorder.NewAlertCreatedEvent(a.Upstream()) })
}

// Grouped records that an alert came into a group.
func (r *Recorder) Grouped(g Group, a *alert.Alert) {
	if r == nil {
		return
	}
	r.record(func() *eventrecorderpb.EventData { return upstream.NewAlertGroupedEvent(g.info(), a.Upstream()) })
}

// Resolved records that a group let an alert go whose end was told.
func (r *Recorder) Resolved(g Group, a *alert.Alert) {
	if r == nil {
		return
	}
	r.record(func() *eventrecorderpb.EventData { return upstream.NewAlertResolvedEvent(g.info(), a.Upstream()) })
}

// Notified records a message that arrived. ctx is what the integration was called
// with.
func (r *Recorder) Notified(ctx context.Context, alerts []*upstreamalert.Alert, i upstream.Integration) {
	if r == nil {
		return
	}
	r.record(func() *eventrecorderpb.EventData { return upstream.NewNotificationEvent(ctx, alerts, i) })
}

// Silenced records that silences mute an alert at a tick of its group.
func (r *Recorder) Silenced(ids []string, a *alert.Alert) {
	if r == nil {
		return
	}
	for _, id := range ids {
		r.record(func() *eventrecorderpb.EventData {
			s := &eventrecorderpb.Silence{Id: id}
			if known, ok := r.opts.Silence(id); ok {
				s = silenceOf(known)
			}
			u := a.Upstream()
			return eventrecorder.NewSilenceMutedAlertEvent(s, u.Fingerprint(), u.Labels)
		})
	}
}

// Inhibited records that an alert inhibits another at a tick of its group.
func (r *Recorder) Inhibited(by uint64, a *alert.Alert) {
	if r == nil {
		return
	}
	r.record(func() *eventrecorderpb.EventData {
		u := a.Upstream()
		return eventrecorder.NewInhibitionMutedAlertEvent(nil, u.Fingerprint(), u.Labels, []prommodel.Fingerprint{prommodel.Fingerprint(by)})
	})
}

// SilenceSet records a silence that was made or changed through this node.
func (r *Recorder) SilenceSet(s *model.Silence, created bool) {
	if r == nil {
		return
	}
	r.record(func() *eventrecorderpb.EventData {
		if created {
			return eventrecorder.NewSilenceCreatedEvent(silenceOf(s))
		}
		return eventrecorder.NewSilenceUpdatedEvent(silenceOf(s))
	})
}

// SilenceEnded records that a silence was ended through this node.
func (r *Recorder) SilenceEnded(id string) {
	if r == nil {
		return
	}
	if s, ok := r.opts.Silence(id); ok {
		r.SilenceSet(s, false)
	}
}

func silenceOf(s *model.Silence) *eventrecorderpb.Silence {
	out := &eventrecorderpb.Silence{
		Id: s.ID, StartsAt: stamp(s.StartsAt), EndsAt: stamp(s.EndsAt), UpdatedAt: stamp(s.UpdatedAt), CreatedBy: s.CreatedBy, Comment: s.Comment,
	}
	for _, set := range s.MatcherSets {
		ms := &eventrecorderpb.MatcherSet{}
		for _, m := range set {
			if lm, err := labels.NewMatcher(matchTypes[m.Type], m.Name, m.Value); err == nil {
				ms.Matchers = append(ms.Matchers, eventrecorder.MatcherAsProto(lm))
			}
		}
		out.MatcherSets = append(out.MatcherSets, ms)
	}
	if len(out.MatcherSets) > 0 {
		out.Matchers = out.MatcherSets[0].Matchers
	}
	return out
}

// matchTypes are Alertmanager's, by ours. It is only read.
var matchTypes = map[model.MatchType]labels.MatchType{
	model.MatchEqual: labels.MatchEqual, model.MatchNotEqual: labels.MatchNotEqual,
	model.MatchRegexp: labels.MatchRegexp, model.MatchNotRegexp: labels.MatchNotRegexp,
}

func stamp(t model.Millis) *timestamppb.Timestamp { return timestamppb.New(time.UnixMilli(int64(t))) }

func labelSet(ls alert.Labels) *eventrecorderpb.LabelSet {
	out := &eventrecorderpb.LabelSet{}
	for name, value := range ls.All() {
		out.Labels = append(out.Labels, &eventrecorderpb.LabelPair{Key: name, Value: value})
	}
	return out
}
