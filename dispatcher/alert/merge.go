package alert

import "cmp"

// overlaps reports whether the times of in reach strictly into those of old.
// Only then are the two one occurrence of the alert.
func overlaps(old, in *Alert) bool {
	return old.StartsAt < in.EndsAt && in.EndsAt < old.EndsAt ||
		old.StartsAt < in.StartsAt && in.StartsAt < old.EndsAt
}

// mergePosts is the alert that results from newer after older, as Alertmanager
// merges them. The newer is the base. It starts when the first of them started.
// Its end is its own, except that a later end counts where both are resolved,
// or where the newer still fires and the later end was given by the source and
// not derived from a timeout. Whether they are resolved is judged at the
// arrival of the newer one.
func mergePosts(older, newer *Alert, arrival int64) Alert {
	res := mergeStates(older, newer)
	if older.EndsAt <= newer.EndsAt {
		return res
	}
	over := newer.resolvedAt(arrival)
	if over && older.resolvedAt(arrival) || !over && !older.Timeout {
		res.EndsAt = older.EndsAt
	}
	return res
}

// mergeStates is the alert that results where another node's newer state meets
// an older one of the same occurrence: the newer, from when the first of them
// started. Its end is what its node made of all that came before there, so the
// end of the older does not count; with clocks apart nobody could say which of
// the two was resolved when.
func mergeStates(older, newer *Alert) Alert {
	res := *newer
	res.StartsAt = min(older.StartsAt, newer.StartsAt)
	return res
}

// mergeEqual joins two states with the same UpdatedAt: the result is the same
// whichever is first, and joining again changes nothing. The later end counts,
// so in doubt the alert fires.
func mergeEqual(a, b *Alert) Alert {
	if compareContent(a, b) > 0 {
		a, b = b, a
	}
	res := *a
	res.StartsAt = min(a.StartsAt, b.StartsAt)
	res.EndsAt = max(a.EndsAt, b.EndsAt)
	res.keptUntil = max(a.keptUntil, b.keptUntil)
	return res
}

func compareContent(a, b *Alert) int {
	return cmp.Or(
		compareBool(a.Timeout, b.Timeout),
		cmp.Compare(a.Annotations.packed, b.Annotations.packed),
		cmp.Compare(a.Generator(), b.Generator()),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// sameContent reports whether a and b differ in their ends and times of update
// at most.
func sameContent(a, b *Alert) bool {
	return a.StartsAt == b.StartsAt &&
		a.GeneratorURL == b.GeneratorURL &&
		a.Annotations == b.Annotations
}

// sameState reports whether a and b differ in their time of update at most.
func sameState(a, b *Alert) bool {
	return a.EndsAt == b.EndsAt && a.Timeout == b.Timeout && sameContent(a, b)
}
