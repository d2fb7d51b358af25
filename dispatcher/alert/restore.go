package alert

import "time"

// maxPatience bounds how long an alert is kept over its end after a restart. It is
// the resolve_timeout that Prometheus and Alertmanager have by default.
const maxPatience = 5 * time.Minute

// Restored is an alert that was saved by an earlier process, as it is for the
// one that starts at now. over says that its end had come while that process was
// there to see it.
//
// An alert that fired when it was saved, and was not over, may be firing at its
// source, which could not say so to a node that was down. The source has given
// itself the time from the last update to the end it set to speak again:
// Prometheus sets the end to four times the interval in which it repeats itself.
// So the alert is kept until the source has had that time once more since the
// start, five minutes at most. Until then it is Kept once its end has passed: it
// is not resolved and inhibits others, but it is no news to anybody either. What
// its source says, to this node or to any other, takes its place, as does any
// newer state that another node has. It is not part of the wire form, so no
// other node ever takes it for more than it is.
//
// The file need not have the last refresh for this, because the time between
// update and end is the same for all; see Drifted.
func Restored(a Alert, now time.Time, over bool) Alert {
	a.keptUntil = 0
	if over || !a.timed() {
		return a
	}
	if until := now.UnixNano() + int64(a.patience()); until > a.EndsAt {
		a.keptUntil = until
	}
	return a
}

// Kept reports whether the end of the alert has passed, and nobody was there to
// hear whether its source has moved it; see Restored.
func (a *Alert) Kept(now time.Time) bool {
	ns := now.UnixNano()
	return a.keptUntil > ns && a.EndsAt <= ns
}

// Outlived reports whether the alert was kept, in vain: its source has not
// spoken again. Its end is then as likely to have come as that of any alert that
// is not heard of again; but if nobody was told of it, nobody needs to be now.
func (a *Alert) Outlived(now time.Time) bool {
	return a.keptUntil != 0 && a.resolvedAt(now.UnixNano())
}

// Lapsed reports whether the alert is over at now because its time ran out, not
// because somebody said so.
func (a *Alert) Lapsed(now time.Time) bool { return a.timed() && a.resolvedAt(now.UnixNano()) }

// timed reports whether the alert fired when it was last updated, and will be
// over by time.
func (a *Alert) timed() bool { return a.EndsAt > a.UpdatedAt && a.EndsAt != 0 }

// patience is the time that the source has given itself to speak again.
func (a *Alert) patience() time.Duration {
	span := a.EndsAt - a.UpdatedAt
	if span < 0 || span > int64(maxPatience) { // negative: it is beyond 64 bits
		return maxPatience
	}
	return time.Duration(span)
}

// minDrift is what the time between update and end may differ by for reasons
// that mean nothing: requests arrive when they do.
const minDrift = 2 * time.Second

// Drifted reports whether a process that finds old in its file would treat the
// alert otherwise than one that finds upd, a refresh of it: where the time
// between update and end is another, or where the end is further away than
// Restored keeps an alert.
func Drifted(old, upd *Alert) bool {
	if old.timed() != upd.timed() || old.Timeout != upd.Timeout {
		return true
	}
	was, is := old.patience(), upd.patience()
	if is == maxPatience {
		return was != maxPatience || old.EndsAt != upd.EndsAt
	}
	return (is - was).Abs() > max(minDrift, was/8)
}
