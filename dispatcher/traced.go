package dispatcher

import (
	"time"

	"tocsin/dispatcher/trace"
	"tocsin/fsm/model"
)

// traced is a tick in traces, nil while nothing is traced. It has ended when what
// it leads to begins.
func (g *group) traced(began time.Time, alerts int) *trace.Span {
	s := trace.StartAt(began, trace.FlushGroup)
	if s.On() {
		s.Text(trace.GroupKey, g.key)
		s.Text(trace.Receiver, g.route.Receiver)
		s.Number(trace.Alerts, alerts)
	}
	s.End()
	return s
}

// trace begins to trace what is done about a view.
func (d *delivery) trace(v *view) *trace.Span {
	s := trace.Start(v.flush, trace.Deliver)
	if s.On() {
		s.Text(trace.GroupKey, d.group.key)
		s.Text(trace.Receiver, d.key.Receiver)
		s.Text(trace.Integration, d.key.Integration)
	}
	return s
}

// traceClaim ends the span of a claim.
func traceClaim(s *trace.Span, grant model.Grant, err error) {
	if s.On() {
		s.Flag(trace.Granted, err == nil && grant.Denied == model.DeniedNot)
		if err == nil {
			s.Text(trace.Reason, grant.Denied.String())
		} else {
			s.Failed(err.Error())
		}
	}
	s.End()
}

// traceSend ends the span of a send.
func traceSend(s *trace.Span, out *outgoing) {
	if s.On() {
		s.Text(trace.DeliveryID, out.row.ID)
		s.Text(trace.Reason, out.reason.String())
		s.Flag(trace.Degraded, out.row.Degraded)
		s.Number(trace.Tries, int(out.row.Tries))
		if out.row.Outcome == model.OutcomeFailed {
			s.Failed(out.row.Error)
		}
	}
	s.End()
}
