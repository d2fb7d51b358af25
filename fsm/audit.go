package fsm

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

// Bounds of the audit. Every program must have the same.
const (
	// MaxAuditRows is how many rows are kept: the newest.
	MaxAuditRows = 100_000
	// auditMemory is in how many of the newest rows a repeated proposal is
	// looked for. Only people sign, so this is hours at the least.
	auditMemory = 512
)

// auditRef is what is remembered in memory of a recent row.
type auditRef struct {
	seq   uint64
	token model.Token
}

// signed applies a change made by a person and tells of it. A proposal that is
// repeated is told of once.
func (s *stage) signed(c command.Signed) command.Result {
	r := command.Result{Code: command.CodeOK}
	if c.Command != nil {
		r = s.apply(c.Command)
	}
	if slices.ContainsFunc(s.v.recent, func(a auditRef) bool { return a.token == c.Token }) {
		return r
	}
	s.v.auditSeq++
	s.addAudit(model.AuditRow{
		Seq: s.v.auditSeq, Index: s.index, Stamp: s.stamp, Token: c.Token, Who: c.Who, Node: c.Node,
		Action: c.Action, Target: c.Target, Outcome: r.Code.String(), Detail: c.Detail,
	})
	return r
}

func (s *stage) addAudit(a model.AuditRow) {
	s.mix('a', model.Encode(&a))
	s.fail(s.tx.PutAudit(&a))
	recent := s.v.recent[max(0, len(s.v.recent)+1-auditMemory):]
	s.v.recent = append(slices.Clip(recent), auditRef{a.Seq, a.Token})
	for first := s.tx.FirstAudit(); first != 0 && first+MaxAuditRows <= a.Seq; first++ {
		s.mix('A', binary.BigEndian.AppendUint64(nil, first))
		s.fail(s.tx.DeleteAudit(first))
	}
}

// loadRecent reads what is remembered of the newest rows.
func loadRecent(tx *store.Tx) (recent []auditRef, err error) {
	for a, err := range tx.Audit(0) {
		if err != nil {
			return nil, err
		}
		if recent = append(recent, auditRef{a.Seq, a.Token}); len(recent) == auditMemory {
			break
		}
	}
	slices.Reverse(recent)
	return recent, nil
}

// AuditCount is how many rows were ever written.
func (v *View) AuditCount() uint64 { return v.auditSeq }

// AuditQuery picks rows of the audit. An empty field picks all.
type AuditQuery struct {
	// Who is an actor's name, with or without what is before its colon.
	Who string
	// Action is an action or the noun before its dot.
	Action string
	// Target is what it was done to.
	Target string
	// Since picks rows stamped at or after it, Until rows stamped before it.
	Since, Until model.Millis
	// Before picks rows with a smaller Seq: that of the last row of the page
	// before.
	Before uint64
	// Limit bounds the rows; 0 = DefaultHistoryLimit, at most MaxHistoryLimit.
	Limit int
}

func (q *AuditQuery) picks(a *model.AuditRow) bool {
	_, name, _ := strings.Cut(a.Who.Name, ":")
	noun, _, _ := strings.Cut(a.Action, ".")
	return (q.Who == "" || q.Who == a.Who.Name || q.Who == name) &&
		(q.Action == "" || q.Action == a.Action || q.Action == noun) &&
		(q.Target == "" || q.Target == a.Target) &&
		(q.Since == 0 || a.Stamp >= q.Since) &&
		(q.Until == 0 || a.Stamp < q.Until)
}

// Audit reads rows of the audit from the file, newest first. It looks at row
// after row until it has enough: not for a hot path.
func (m *Machine) Audit(q AuditQuery) ([]model.AuditRow, error) {
	limit := (&HistoryQuery{Limit: q.Limit}).limit()
	var rows []model.AuditRow
	err := m.state.View(func(tx *store.Tx) error {
		for a, err := range tx.Audit(q.Before) {
			if err != nil {
				return err
			}
			if q.picks(a) {
				rows = append(rows, *a)
			}
			if len(rows) == limit {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	return rows, nil
}
