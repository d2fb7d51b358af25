package dispatcher

import (
	"context"
	"log/slog"

	"tocsin/fsm/model"
)

// The causes for which a receiver may be told again what it knows. Every second
// message has one of them, in the log and in the history (I3).
const (
	whyFailed   = "an earlier try failed, and may have arrived"
	whyExpired  = "an earlier sender was not heard of again"
	whyDegraded = "nodes told without a quorum, and knew nothing of each other"
)

// doubtOf is why the receiver may know of the alerts of a message already; empty
// if it does not, or if it has been told of something else in between.
func doubtOf(s *step, alerts model.AlertSet) string {
	if !alerts.Meets(s.base.Maybe) {
		return ""
	}
	e := &s.entry
	for i := len(e.Lapsed) - 1; i >= 0; i-- {
		if c := &e.Lapsed[i]; alerts.Meets(c.Firing.Union(c.Resolved)) {
			return whyExpired
		}
	}
	switch {
	case e.Attempt > 0:
		return whyFailed
	case len(e.Strands) > 1 || len(s.overlays) > 0:
		return whyDegraded
	}
	return ""
}

// logSent logs a message that arrived; louder if it may be a second one.
func (d *delivery) logSent(out *outgoing) {
	level, text := slog.LevelDebug, "notification sent"
	switch {
	case out.why != "":
		level, text = slog.LevelInfo, "notification sent, perhaps for the second time"
	case out.row.Degraded:
		level, text = slog.LevelInfo, "notification sent without a quorum"
	}
	d.group.epoch.core.opts.Logger.Log(context.Background(), level, text,
		"key", d.key.String(), "group_key", d.group.key, "delivery_id", out.row.ID, "reason", out.reason.String(), "because", out.why,
		"firing", out.row.Firing, "resolved", out.row.Resolved, "degraded", out.row.Degraded)
}
