package admin

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
)

// Audit is what people changed, as this node's state has it.
type Audit interface {
	// Audit is at most q.Limit rows, newest first.
	Audit(q AuditQuery) ([]model.AuditRow, error)
}

// AuditQuery says which rows of the audit are wanted. Empty fields want all.
type AuditQuery struct {
	// Who is an actor's name, whole or without what is before its colon;
	// Action an action, or the noun before its dot.
	Who, Action, Target string
	// Since wants rows at or after it, Until rows before it.
	Since, Until model.Millis
	// Before wants rows with a smaller Seq; 0 wants the newest.
	Before uint64
	// Limit is from 1 to MaxLimit.
	Limit int
}

type auditJSON struct {
	Seq      uint64 `json:"seq"`
	At       string `json:"at,omitempty"`
	Who      string `json:"who"`
	From     string `json:"from,omitempty"`
	Node     string `json:"node,omitempty"`
	NodeName string `json:"node_name,omitempty"`
	Action   string `json:"action"`
	Target   string `json:"target,omitempty"`
	Outcome  string `json:"outcome"`
	Detail   string `json:"detail,omitempty"`
	Index    uint64 `json:"index"`
}

func (a *API) getAudit(c echo.Context) error {
	q, err := auditQueryOf(c)
	if err != nil {
		return err
	}
	rows, err := a.opts.Audit.Audit(q)
	if err != nil {
		return err
	}
	st := a.opts.Cluster()
	names := map[string]string{}
	for _, p := range st.Peers {
		names[string(p.ID)] = p.Name
	}
	out := struct {
		Audit []auditJSON `json:"audit"`
	}{make([]auditJSON, 0, len(rows))}
	for i := range rows {
		r := &rows[i]
		out.Audit = append(out.Audit, auditJSON{
			Seq: r.Seq, At: stampMillis(r.Stamp), Who: r.Who.Name, From: r.Who.Address, Node: string(r.Node), NodeName: names[string(r.Node)],
			Action: r.Action, Target: r.Target, Outcome: r.Outcome, Detail: r.Detail, Index: r.Index,
		})
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func auditQueryOf(c echo.Context) (AuditQuery, error) {
	limit, err := limitOf(c)
	if err != nil {
		return AuditQuery{}, err
	}
	q := AuditQuery{Who: c.QueryParam("who"), Action: c.QueryParam("action"), Target: c.QueryParam("target"), Limit: limit}
	if text := c.QueryParam("before"); text != "" {
		if q.Before, err = strconv.ParseUint(text, 10, 64); err != nil || q.Before == 0 {
			return AuditQuery{}, badRequest("before must be the number of a row", "it is the seq of the last row of the page before")
		}
	}
	var errs [2]error
	q.Since, errs[0] = timeParam(c, "since")
	q.Until, errs[1] = timeParam(c, "until")
	return q, cmp.Or(errs[0], errs[1])
}

func timeParam(c echo.Context, name string) (model.Millis, error) {
	text := c.QueryParam(name)
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, badRequest(name+" must be a time as RFC 3339 has it", "such as 2026-01-02T15:04:05Z")
	}
	return model.Millis(t.UnixMilli()), nil
}
