package fsm

import (
	"slices"

	"tocsin/fsm/model"
)

// Terms are what a claim is judged by, beside the entry.
type Terms struct {
	// Index is the log index of the claim, Stamp the leader's stamp of it.
	Index uint64
	Stamp model.Millis
	// ConfigRev is the active version of the configuration, 0 = none.
	ConfigRev uint64
	// Member: the proposer is a node of the cluster.
	Member bool
	// Floor is the highest revision that any dropped entry had.
	Floor uint64
	// Version is the command version that every voter knows.
	Version uint32
}

// lateVersion is the command version from which on a late settlement says whether
// its message was sent in time. Before that every voter may not know the rule.
const lateVersion = 2

// Grant decides on a claim (I4). An entry that does not exist is passed as one
// with nothing but its key. Denied, it comes back as it was.
//
// The rule on the interval fails toward sending: it binds only a group that is
// open, and never when the stamps went backwards, so that a leader with a
// wrong clock can delay a page by one interval and cannot lose it.
func Grant(e model.Entry, q model.ClaimRequest, t Terms) (model.Entry, model.Grant) {
	if e.Claim != nil && e.Claim.Token == q.Token {
		return e, model.Grant{Rev: e.Claim.Rev, Index: e.Claim.GrantedIndex}
	}
	if denied, retryAfter := judge(&e, &q, &t); denied != model.DeniedNot {
		return e, model.Grant{Denied: denied, Rev: e.Rev, Index: t.Index, RetryAfter: retryAfter}
	}
	claim := model.Claim{
		Token: q.Token, Node: q.Node, BaseRev: e.Rev, BaseGen: e.Gen, ConfigRev: q.ConfigRev,
		Firing: q.Firing, Resolved: q.Resolved, Reason: q.Reason,
		GrantedIndex: t.Index, GrantedStamp: t.Stamp,
	}
	advance(&e, t.Floor)
	claim.Rev = e.Rev
	e.Claim = &claim
	e.Strands = nil
	if t.Version >= lateVersion {
		e.Lapsed = overtaken(e.Lapsed)
	}
	return e, model.Grant{Rev: e.Rev, Index: t.Index}
}

// overtaken are expired claims after which another is granted.
func overtaken(claims []model.Claim) []model.Claim {
	claims = slices.Clone(claims)
	for i := range claims {
		claims[i].Overtaken = true
	}
	return claims
}

func judge(e *model.Entry, q *model.ClaimRequest, t *Terms) (d model.Denial, retryAfter int64) {
	switch {
	case spent(e, q.Token) || lapsed(e, q.Token) >= 0:
		return model.DeniedSpent, 0
	case !t.Member:
		return model.DeniedNotMember, 0
	case e.Claim != nil:
		return model.DeniedClaimed, 0
	case q.ConfigRev != t.ConfigRev:
		return model.DeniedStaleConf, 0
	case q.BaseRev != e.Rev:
		return model.DeniedStaleRev, 0
	}
	open := len(e.Must)+len(e.Maybe) > 0
	if gap := int64(t.Stamp - e.Stamp); open && gap >= 0 && gap < q.MinGap {
		return model.DeniedTooEarly, q.MinGap - gap
	}
	return model.DeniedNot, 0
}

// advance gives the entry its next revision. A new entry starts above all that
// were dropped: no revision is used twice for a key, and an overlay that was
// built on a dropped entry is not taken for one that was built on this.
func advance(e *model.Entry, floor uint64) {
	if e.Rev == 0 {
		e.Rev = floor
	}
	e.Rev++
}

// spend remembers the token of a claim that is over.
func spend(e *model.Entry, t model.Token, settled bool) {
	e.Spent = keepLast(e.Spent, model.SpentToken{Token: t, Settled: settled}, model.MaxSpent)
}

func spent(e *model.Entry, t model.Token) bool {
	return spentAs(e, t, true) || spentAs(e, t, false)
}

func spentAs(e *model.Entry, t model.Token, settled bool) bool {
	for _, s := range e.Spent {
		if s.Token == t && s.Settled == settled {
			return true
		}
	}
	return false
}

// lapsed is where the expired claim of a token is in e.Lapsed, -1 if nowhere.
func lapsed(e *model.Entry, t model.Token) int {
	for i := range e.Lapsed {
		if e.Lapsed[i].Token == t {
			return i
		}
	}
	return -1
}

// keepLast is s and v behind it, at most the last n, in memory of its own.
func keepLast[T any](s []T, v T, n int) []T {
	if len(s) >= n {
		s = s[len(s)-n+1:]
	}
	return append(append(make([]T, 0, len(s)+1), s...), v)
}
