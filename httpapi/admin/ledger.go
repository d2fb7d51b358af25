package admin

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tocsin/fsm/model"
	"tocsin/httpapi/answer"
)

// The answers of GET /deliveries and GET /ledger.
type (
	keyJSON struct {
		Receiver    string `json:"receiver"`
		Integration string `json:"integration"`
		Group       string `json:"group"`
	}
	deliveryJSON struct {
		Seq uint64 `json:"seq"`
		ID  string `json:"id"`
		keyJSON
		Node     model.NodeID `json:"node"`
		NodeName string       `json:"node_name,omitempty"`
		Outcome  string       `json:"outcome"`
		Reason   string       `json:"reason"`
		Firing   uint32       `json:"firing"`
		Resolved uint32       `json:"resolved"`
		Tries    uint32       `json:"tries"`
		At       string       `json:"at"`
		Took     int64        `json:"took_ms"`
		Error    string       `json:"error,omitempty"`
		Degraded bool         `json:"degraded,omitempty"`
		// Unmerged: sent without a quorum, and in no history yet. Seq is 0.
		Unmerged bool `json:"unmerged,omitempty"`
	}
	entryJSON struct {
		keyJSON
		Rev       uint64     `json:"rev"`
		Gen       uint64     `json:"gen"`
		LastTold  string     `json:"last_told,omitempty"`
		Firing    int        `json:"firing"`
		Doubtful  int        `json:"doubtful"`
		Resolved  int        `json:"resolved"`
		Failures  uint32     `json:"failures,omitempty"`
		NotBefore string     `json:"not_before,omitempty"`
		Claim     *claimJSON `json:"claim,omitempty"`
	}
	claimJSON struct {
		Node     model.NodeID `json:"node"`
		Reason   string       `json:"reason"`
		Firing   int          `json:"firing"`
		Resolved int          `json:"resolved"`
		Granted  string       `json:"granted"`
	}
)

func keyOf(k model.DeliveryKey) keyJSON {
	return keyJSON{Receiver: k.Receiver, Integration: k.Integration, Group: k.Group}
}

func (a *API) getDeliveries(c echo.Context) error {
	q, err := deliveryQuery(c)
	if err != nil {
		return err
	}
	rows, err := a.opts.Ledger.Deliveries(q)
	if err != nil {
		return err
	}
	out := struct {
		Deliveries []deliveryJSON `json:"deliveries"`
	}{[]deliveryJSON{}}
	names := a.nodeNames()
	for _, d := range rows {
		out.Deliveries = append(out.Deliveries, deliveryJSON{
			Seq: d.Seq, ID: d.ID, keyJSON: keyOf(d.Key), Node: d.Node, NodeName: names[d.Node], Outcome: d.Outcome.String(),
			Reason: d.Reason.String(), Firing: d.Firing, Resolved: d.Resolved, Tries: d.Tries,
			At: stampMillis(d.At), Took: d.Took, Error: d.Error, Degraded: d.Degraded, Unmerged: d.Seq == 0,
		})
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

// nodeNames are the names of the nodes that are known, by ID.
func (a *API) nodeNames() map[model.NodeID]string {
	names := make(map[model.NodeID]string)
	st := a.opts.Cluster()
	for i := range st.Peers {
		names[st.Peers[i].ID] = st.Peers[i].Name
	}
	return names
}

func deliveryQuery(c echo.Context) (DeliveryQuery, error) {
	limit, err := limitOf(c)
	if err != nil {
		return DeliveryQuery{}, err
	}
	q := DeliveryQuery{
		Receiver: c.QueryParam("receiver"), Group: c.QueryParam("group"),
		Integration: c.QueryParam("integration"), Limit: limit,
	}
	if text := c.QueryParam("before"); text != "" {
		if q.Before, err = strconv.ParseUint(text, 10, 64); err != nil {
			return q, badRequest("before must be the seq of a delivery", "")
		}
	}
	switch text := c.QueryParam("outcome"); text {
	case "":
	case "sent":
		q.Outcome = model.OutcomeSent
	case "failed":
		q.Outcome = model.OutcomeFailed
	case "expired":
		q.Outcome = model.OutcomeExpired
	default:
		return q, badRequest("outcome must be sent, failed or expired", "leave it out for all")
	}
	return q, nil
}

func (a *API) getLedger(c echo.Context) error {
	limit, err := limitOf(c)
	if err != nil {
		return err
	}
	out := struct {
		Entries []entryJSON `json:"entries"`
		More    bool        `json:"more"`
	}{Entries: []entryJSON{}}
	wanted := ledgerFilter(c)
	for e := range a.opts.Ledger.Entries() {
		if !wanted(e) {
			continue
		}
		if len(out.Entries) == limit {
			out.More = true
			break
		}
		out.Entries = append(out.Entries, entryOf(e))
	}
	answer.JSON(c.Response(), http.StatusOK, out)
	return nil
}

func ledgerFilter(c echo.Context) func(*model.Entry) bool {
	receiver, group := c.QueryParam("receiver"), c.QueryParam("group")
	integration, claimed := c.QueryParam("integration"), c.QueryParam("claimed") == "true"
	same := func(want, have string) bool { return want == "" || want == have }
	return func(e *model.Entry) bool {
		return same(receiver, e.Key.Receiver) && same(group, e.Key.Group) &&
			same(integration, e.Key.Integration) && (!claimed || e.Claim != nil)
	}
}

func entryOf(e *model.Entry) entryJSON {
	out := entryJSON{
		keyJSON: keyOf(e.Key), Rev: e.Rev, Gen: e.Gen, LastTold: stampMillis(e.Stamp),
		Firing: len(e.Must), Doubtful: len(e.Maybe), Resolved: len(e.Resolved),
		Failures: e.Attempt, NotBefore: stampMillis(e.NotBefore),
	}
	if cl := e.Claim; cl != nil {
		out.Claim = &claimJSON{
			Node: cl.Node, Reason: cl.Reason.String(), Firing: len(cl.Firing), Resolved: len(cl.Resolved),
			Granted: stampMillis(cl.GrantedStamp),
		}
	}
	return out
}
