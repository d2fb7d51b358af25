package fsm_test

import (
	"maps"
	"slices"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// naive is the ledger's entry written down a second time, in the most obvious
// way: alert by alert instead of set by set, with nothing ever thrown away. It
// shares no code with the package.
type naive struct {
	rev, gen, floor uint64
	exists          bool
	stamp, changed  model.Millis
	attempt         uint32
	notBefore       model.Millis

	line  naiveLine
	lines []naiveLine // those that came together since the last other change

	claim  *naiveClaim
	lapsed []naiveClaim
	ended  []naiveEnd
	marks  map[model.NodeID][2]uint64

	configRev uint64
	// version is what all voters know, grants counts the claims.
	version, grants int
}

// belief is what is known of one alert.
type belief struct {
	firing   byte // 'F' certainly told firing, '?' maybe, 0 certainly not
	resolved bool // certainly told resolved
}

type naiveLine struct {
	origin         model.NodeID
	epoch, seq     uint64
	base, at       uint64
	pinned, absent bool
	stamp          model.Millis
	of             map[model.AlertHash]belief
}

type naiveClaim struct {
	token            model.Token
	node             model.NodeID
	rev, index       uint64
	firing, resolved model.AlertSet
	// nth is the how manieth claim it is.
	nth int
}

type naiveEnd struct {
	token   model.Token
	settled bool
}

// Members of the naive cluster.
func naiveMember(n model.NodeID) bool { return n == "n1" || n == "n2" || n == "n3" }

func (n *naive) bump() {
	if !n.exists {
		n.rev, n.exists = n.floor, true
	}
	n.rev++
}

func (l naiveLine) each(f func(model.AlertHash, belief) belief, more ...model.AlertSet) naiveLine {
	all := maps.Clone(l.of)
	if all == nil {
		all = map[model.AlertHash]belief{}
	}
	for _, s := range more {
		for _, h := range s {
			if _, ok := all[h]; !ok {
				all[h] = belief{}
			}
		}
	}
	for h, b := range all {
		all[h] = f(h, b)
	}
	l.of = all
	return l
}

func (l naiveLine) told(firing, resolved model.AlertSet) naiveLine {
	return l.each(func(h model.AlertHash, b belief) belief {
		switch {
		case firing.Has(h):
			return belief{firing: 'F'}
		case resolved.Has(h):
			return belief{resolved: true}
		case b.firing != 0:
			return belief{firing: '?', resolved: b.resolved}
		default:
			return b
		}
	}, firing, resolved)
}

func (l naiveLine) doubted(firing, resolved model.AlertSet) naiveLine {
	return l.each(func(h model.AlertHash, b belief) belief {
		switch {
		case firing.Has(h) && b.firing == 'F':
			return belief{firing: 'F'}
		case firing.Has(h):
			return belief{firing: '?'}
		case resolved.Has(h) && b.firing == 'F':
			return belief{firing: '?', resolved: b.resolved}
		default:
			return b
		}
	}, firing, resolved)
}

func naiveJoin(lines []naiveLine) naiveLine {
	out := naiveLine{of: map[model.AlertHash]belief{}, stamp: lines[0].stamp}
	for _, l := range lines {
		out.stamp = min(out.stamp, l.stamp)
		for h := range l.of {
			out.of[h] = belief{}
		}
	}
	for h := range out.of {
		firing, not, resolved := true, true, true
		for _, l := range lines {
			firing = firing && l.of[h].firing == 'F'
			not = not && l.of[h].firing == 0
			resolved = resolved && l.of[h].resolved
		}
		b := belief{firing: '?', resolved: resolved}
		if firing {
			b.firing = 'F'
		} else if not {
			b.firing = 0
		}
		out.of[h] = b
	}
	return out
}

func (n *naive) alone(l naiveLine) {
	n.line, n.lines = l, nil
}

func (n *naive) find(t model.Token) (lapsed int, ended *naiveEnd) {
	lapsed = slices.IndexFunc(n.lapsed, func(c naiveClaim) bool { return c.token == t })
	for i := range n.ended {
		if n.ended[i].token == t {
			ended = &n.ended[i]
		}
	}
	return lapsed, ended
}

func (n *naive) claims(q model.ClaimRequest, index uint64, stamp model.Millis) (model.Denial, uint64) {
	if n.claim != nil && n.claim.token == q.Token {
		return model.DeniedNot, n.claim.index
	}
	lapsed, ended := n.find(q.Token)
	open := false
	for _, b := range n.line.of {
		open = open || b.firing != 0
	}
	gap := int64(stamp - n.stamp)
	switch {
	case lapsed >= 0 || ended != nil:
		return model.DeniedSpent, index
	case !naiveMember(q.Node):
		return model.DeniedNotMember, index
	case n.claim != nil:
		return model.DeniedClaimed, index
	case q.ConfigRev != n.configRev:
		return model.DeniedStaleConf, index
	case q.BaseRev != n.rev:
		return model.DeniedStaleRev, index
	case open && gap >= 0 && gap < q.MinGap:
		return model.DeniedTooEarly, index
	}
	n.bump()
	n.grants++
	n.claim = &naiveClaim{q.Token, q.Node, n.rev, index, q.Firing, q.Resolved, n.grants}
	n.alone(n.line)
	return model.DeniedNot, index
}

func (n *naive) settles(s model.Settlement, stamp model.Millis) command.Code {
	lapsed, ended := n.find(s.Token)
	var last bool
	switch {
	case n.claim != nil && n.claim.token == s.Token:
		last = n.rev == n.claim.rev
		n.claim = nil
	case lapsed >= 0:
		last = n.claim == nil && n.rev == n.lapsed[lapsed].rev+1
		n.lapsed = slices.Delete(slices.Clone(n.lapsed), lapsed, lapsed+1)
		if !last && n.version >= 2 && s.Delivery.InLease {
			n.end(s.Token, true)
			return command.CodeOK
		}
	case ended != nil && ended.settled:
		return command.CodeOK
	default:
		return command.CodeConflict
	}
	after := n.line.told(s.Firing, s.Resolved)
	quiet := s.Delivery.Outcome == 0
	switch {
	case last:
		n.alone(after)
		n.attempt, n.notBefore = 0, 0
		if !quiet {
			n.stamp = stamp
		}
	default:
		n.alone(naiveJoin([]naiveLine{n.line, after}))
		if !quiet {
			n.stamp = min(n.stamp, stamp)
		}
	}
	n.end(s.Token, true)
	n.bump()
	n.gen++
	return command.CodeOK
}

func (n *naive) end(t model.Token, settled bool) {
	n.ended = append(slices.Clone(n.ended), naiveEnd{t, settled})
	n.ended = n.ended[max(0, len(n.ended)-model.MaxSpent):]
}

func (n *naive) releases(r model.Release) command.Code {
	if n.claim == nil || n.claim.token != r.Token {
		if _, ended := n.find(r.Token); ended != nil && !ended.settled {
			return command.CodeOK
		}
		return command.CodeNotFound
	}
	if r.Failed {
		n.alone(n.line.doubted(n.claim.firing, n.claim.resolved))
		n.attempt++
		n.notBefore = r.NotBefore
	}
	n.alone(n.line)
	n.claim = nil
	n.end(r.Token, false)
	n.bump()
	return command.CodeOK
}

func (n *naive) expires(t model.Token) command.Code {
	if n.claim == nil || n.claim.token != t {
		if lapsed, _ := n.find(t); lapsed >= 0 {
			return command.CodeOK
		}
		return command.CodeNotFound
	}
	n.alone(n.line.doubted(n.claim.firing, n.claim.resolved))
	n.lapsed = append(slices.Clone(n.lapsed), *n.claim)
	n.lapsed = n.lapsed[max(0, len(n.lapsed)-model.MaxLapsed):]
	n.claim = nil
	n.bump()
	return command.CodeOK
}

// merges keeps every line that ever came and asks of each pair anew which
// stands for which.
func (n *naive) merges(o model.Overlay) command.Code {
	if m, ok := n.marks[o.Origin]; ok && (m[0] > o.Epoch || m[0] == o.Epoch && m[1] >= o.Seq) {
		return command.CodeOK
	}
	n.marks = maps.Clone(n.marks)
	if n.marks == nil {
		n.marks = map[model.NodeID][2]uint64{}
	}
	n.marks[o.Origin] = [2]uint64{o.Epoch, o.Seq}
	if n.knows(o) {
		return command.CodeOK
	}
	if n.lines == nil {
		l := n.line
		l.origin, l.at, l.pinned, l.stamp = "", n.rev, n.claim != nil, n.stamp
		if !n.exists {
			l.at, l.absent = n.floor, true
		}
		n.lines = []naiveLine{l}
	}
	n.ends(o)
	n.bump()
	l := naiveLine{origin: o.Origin, epoch: o.Epoch, seq: o.Seq, base: o.BaseRev, at: n.rev, stamp: o.Stamp}
	l = l.each(func(h model.AlertHash, b belief) belief {
		switch {
		case o.Must.Has(h):
			b.firing = 'F'
		case o.Maybe.Has(h):
			b.firing = '?'
		}
		b.resolved = o.Resolved.Has(h)
		return b
	}, o.Must, o.Maybe, o.Resolved)
	n.lines = append(slices.Clone(n.lines), l)
	var maximal []naiveLine
	for _, x := range n.lines {
		if !slices.ContainsFunc(n.lines, func(y naiveLine) bool { return y.standsFor(x) }) {
			maximal = append(maximal, x)
		}
	}
	if !slices.ContainsFunc(maximal, func(x naiveLine) bool { return x.base > 0 }) {
		maximal = slices.DeleteFunc(maximal, func(x naiveLine) bool { return x.absent })
	}
	lines := n.lines
	n.alone(naiveJoin(maximal))
	n.lines = lines
	n.stamp = n.line.stamp
	n.attempt, n.notBefore = 0, 0
	n.gen++
	return command.CodeOK
}

// knows: the overlay is a settlement and nothing else, and it was here before, or
// its message was sent before another claim.
func (n *naive) knows(o model.Overlay) bool {
	if n.version < 2 || !o.Delivery.InLease || o.Delivery.Outcome != model.OutcomeSent || o.Delivery.Token == (model.Token{}) {
		return false
	}
	i, ended := n.find(o.Delivery.Token)
	if ended != nil && ended.settled {
		return true
	}
	if i < 0 || n.lapsed[i].node != o.Origin || n.lapsed[i].rev != o.BaseRev || n.lapsed[i].nth == n.grants {
		return false
	}
	n.lapsed = slices.Delete(slices.Clone(n.lapsed), i, i+1)
	n.end(o.Delivery.Token, true)
	return true
}

// ends: the overlay is the settlement of a claim of its node.
func (n *naive) ends(o model.Overlay) {
	mine := func(c naiveClaim) bool {
		return c.token == o.Delivery.Token && c.node == o.Origin && c.rev == o.BaseRev && o.Delivery.Outcome == model.OutcomeSent
	}
	i := slices.IndexFunc(n.lapsed, mine)
	unmoved := o.BaseRev + 1 // granted, expired or settled
	settled := false
	switch {
	case n.claim != nil && mine(*n.claim):
		n.claim = nil
		unmoved = o.BaseRev
	case i >= 0:
		n.lapsed = slices.Delete(slices.Clone(n.lapsed), i, i+1)
	default:
		last := len(n.ended) - 1
		if o.Delivery.Outcome != model.OutcomeSent || last < 0 || n.ended[last] != (naiveEnd{o.Delivery.Token, true}) {
			return
		}
		settled = true
	}
	if !settled {
		n.end(o.Delivery.Token, true)
	}
	n.lines = slices.Clone(n.lines)
	for i := range n.lines {
		if l := &n.lines[i]; l.origin == "" {
			l.pinned = n.claim != nil
			if l.at == unmoved {
				l.at = o.BaseRev
			}
		}
	}
}

func (l naiveLine) standsFor(x naiveLine) bool {
	switch {
	case l.origin == "":
		return false
	case l.origin == x.origin:
		return l.epoch > x.epoch || l.epoch == x.epoch && l.seq > x.seq
	default:
		return !x.pinned && l.base >= x.at
	}
}

func (n *naive) collects(before model.Millis) {
	for _, b := range n.line.of {
		if b.firing != 0 {
			return
		}
	}
	if n.exists && n.claim == nil && max(n.stamp, n.changed) < before {
		*n = naive{floor: max(n.floor, n.rev), configRev: n.configRev, version: n.version}
	}
}

// sets are what the naive entry believes, as the real one says it.
func (n *naive) sets() (must, maybe, resolved model.AlertSet) {
	var f, q, r []model.AlertHash
	for h, b := range n.line.of {
		switch b.firing {
		case 'F':
			f = append(f, h)
		case '?':
			q = append(q, h)
		}
		if b.resolved {
			r = append(r, h)
		}
	}
	return model.NewAlertSet(f...), model.NewAlertSet(q...), model.NewAlertSet(r...)
}
