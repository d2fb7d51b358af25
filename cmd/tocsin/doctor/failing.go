package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tocsin/fsm/model"
)

// Failing is an integration of a receiver to which nothing gets through lately.
type Failing struct {
	Receiver    string `json:"receiver"`
	Integration string `json:"integration"`
	// Times is how often sending failed since it last succeeded, as far as the
	// rows go back that were looked at; Since is the first of these times.
	Times int       `json:"times"`
	Since time.Time `json:"since"`
	Error string    `json:"error"`
}

// failingFor is how old the newest failure may be: retries come every few
// minutes at the most.
const failingFor = 15 * time.Minute

// FindFailing looks through rows of the delivery history, newest first.
func FindFailing(rows []model.Delivery, now time.Time) []Failing {
	type way struct{ receiver, integration string }
	through, failing := map[way]bool{}, map[way]*Failing{}
	for i := range rows {
		d := &rows[i]
		w := way{d.Key.Receiver, d.Key.Integration}
		if through[w] {
			continue
		}
		if d.Outcome == model.OutcomeSent {
			through[w] = true
			continue
		}
		at := time.UnixMilli(int64(d.Stamp))
		f := failing[w]
		if d.Outcome != model.OutcomeFailed || f == nil && now.Sub(at) > failingFor {
			continue
		}
		if f == nil {
			f = &Failing{Receiver: w.receiver, Integration: w.integration, Error: d.Error}
			failing[w] = f
		}
		f.Times, f.Since = f.Times+1, at
	}
	out := make([]Failing, 0, len(failing))
	for _, f := range failing {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b Failing) int {
		return cmp.Or(cmp.Compare(a.Receiver, b.Receiver), cmp.Compare(a.Integration, b.Integration))
	})
	return out
}

// deliveries judges what became of messages. All nodes have the same history, so
// the one that has most of it speaks for all.
func deliveries(f *found, nodes []*Facts) {
	if len(nodes) == 0 {
		return
	}
	newest := slices.MaxFunc(nodes, func(a, b *Facts) int { return cmp.Compare(a.Applied, b.Applied) })
	for _, x := range newest.Failing {
		f.fail(CheckDeliveries, "", fmt.Sprintf("nothing gets through to %s/%s since %s, %d times: %s",
			x.Receiver, x.Integration, x.Since.UTC().Format(time.DateTime+" UTC"), x.Times, x.Error),
			"`tocsin deliveries --outcome failed` has every try; what is due goes on being tried")
	}
	f.unlessSaidAnywhere(CheckDeliveries, "what was sent lately got through")
}
