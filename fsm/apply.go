package fsm

import (
	"errors"
	"fmt"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
)

// decoded is a log entry that was read. Everything is read before anything is
// locked.
type decoded struct {
	LogEntry
	envelope command.Envelope
	// invalid says why no program would apply it.
	invalid error
}

func (d *decoded) noop() bool { return len(d.Data) == 0 }

// decode reads a batch. It fails if an entry needs a newer program: then this
// one must not go on, because the others do.
func decode(batch []LogEntry) ([]decoded, error) {
	all := make([]decoded, len(batch))
	for i, e := range batch {
		all[i].LogEntry = e
		if all[i].noop() {
			continue
		}
		env, err := command.Decode(e.Data)
		if errors.Is(err, command.ErrTooNew) {
			return nil, fmt.Errorf("apply log entry %d: %w", e.Index, err)
		}
		all[i].envelope, all[i].invalid = env, err
	}
	return all, nil
}

// skipped are the results of an entry that is in the state already.
func (d *decoded) skipped() []command.Result {
	results := make([]command.Result, len(d.envelope.Commands))
	for i := range results {
		results[i] = command.Result{Code: command.CodeSkipped, Index: d.Index}
	}
	return results
}

func (s *stage) apply(c command.Command) command.Result {
	switch c := c.(type) {
	case command.Claim:
		return s.claim(c.ClaimRequest)
	case command.Settle:
		return s.settle(c.Settlement)
	case command.Release:
		return s.release(c.Release)
	case command.Expire:
		return s.expire(c.Expiry)
	case command.MergeOverlay:
		return s.mergeOverlay(c.Overlay)
	case command.PutSilence:
		return s.setSilence(c)
	case command.ExpireSilence:
		return s.expireSilence(c)
	case command.PutConfig:
		return s.putConfig(c)
	case command.FoundCluster:
		return s.foundCluster(c.ID)
	case command.PutNode:
		return s.setNode(c.Node)
	case command.RemoveNode:
		return s.removeNode(c.ID)
	case command.SetMinVersion:
		return s.setMinVersion(c.Version)
	case command.PutRecord:
		return s.setRecord(c)
	case command.DropRecord:
		return s.dropRecord(c)
	case command.Signed:
		return s.signed(c)
	case command.GC:
		return s.collect(c)
	default:
		panic(fmt.Sprintf("BUG: no rule for the command %v", c.Kind()))
	}
}

func (s *stage) claim(q model.ClaimRequest) command.Result {
	var configRev uint64
	if s.v.config != nil {
		configRev = s.v.config.Rev
	}
	_, member := s.v.Node(q.Node)
	before := s.entry(q.Key)
	after, grant := Grant(before, q, Terms{
		Index: s.index, Stamp: s.stamp, ConfigRev: configRev, Member: member, Floor: s.v.revFloor,
		Version: s.v.minVersion,
	})
	if grant.Denied != model.DeniedNot {
		return command.Result{Code: command.CodeDenied, Rev: grant.Rev, Grant: grant, Detail: grant.Denied.String()}
	}
	if after.Rev != before.Rev {
		s.putEntry(after)
	}
	return command.Result{Code: command.CodeOK, Rev: grant.Rev, Grant: grant}
}

func (s *stage) settle(q model.Settlement) command.Result {
	before := s.entry(q.Key)
	q.Delivery.InLease = q.Delivery.InLease && s.v.minVersion >= lateVersion
	after, verdict := Settle(before, q, s.stamp)
	if verdict == Accepted {
		s.putEntry(after)
	}
	if verdict == Accepted && q.Delivery.Outcome != 0 {
		d := q.Delivery
		d.Key, d.Node, d.Token, d.Outcome = q.Key, q.Node, q.Token, model.OutcomeSent
		d.Firing, d.Resolved = uint32(len(q.Firing)), uint32(len(q.Resolved))
		s.addDelivery(d)
	}
	return ruled(after.Rev, verdict, command.CodeConflict)
}

func (s *stage) release(q model.Release) command.Result {
	before := s.entry(q.Key)
	after, verdict := Release(before, q)
	if verdict == Accepted {
		s.putEntry(after)
	}
	if verdict == Accepted && q.Failed {
		d := q.Delivery
		d.Key, d.Node, d.Token, d.Outcome = q.Key, q.Node, q.Token, model.OutcomeFailed
		if c := before.Claim; d.Firing+d.Resolved == 0 {
			d.Firing, d.Resolved = uint32(len(c.Firing)), uint32(len(c.Resolved))
		}
		s.addDelivery(d)
	}
	return ruled(after.Rev, verdict, command.CodeNotFound)
}

func (s *stage) expire(q model.Expiry) command.Result {
	before := s.entry(q.Key)
	after, verdict := Expire(before, q)
	if verdict == Accepted {
		s.putEntry(after)
		c := before.Claim
		s.addDelivery(model.Delivery{
			Key: q.Key, Node: c.Node, Token: c.Token, Outcome: model.OutcomeExpired, Reason: c.Reason,
			Firing: uint32(len(c.Firing)), Resolved: uint32(len(c.Resolved)), At: s.stamp,
		})
	}
	return ruled(after.Rev, verdict, command.CodeNotFound)
}

func (s *stage) mergeOverlay(o model.Overlay) command.Result {
	before := s.entry(o.Key)
	o.Delivery.InLease = o.Delivery.InLease && s.v.minVersion >= lateVersion
	after, verdict := Merge(before, o, s.v.revFloor)
	if verdict == Accepted {
		s.putEntry(after)
	}
	// An overlay that was kept before its send, or that says what did not have
	// to be sent, is no delivery; nor is one whose settlement was here before.
	if d := o.Delivery; verdict == Accepted && d.Outcome != 0 && !spentAs(&before, d.Token, true) {
		d.Key, d.Node = o.Key, o.Origin
		d.Degraded = d.Degraded || d.Token.IsZero()
		s.addDelivery(d)
	}
	return ruled(after.Rev, verdict, command.CodeConflict)
}

func ruled(rev uint64, v Verdict, unknown command.Code) command.Result {
	if v == Unknown {
		return command.Result{Code: unknown, Rev: rev, Detail: "no such claim"}
	}
	return command.Result{Code: command.CodeOK, Rev: rev}
}
