package heritage

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/alertmanager/nflog/nflogpb"

	"tocsin/dispatcher/route"
	"tocsin/fsm/model"
)

// Told is what a receiver was last told of one group, by an Alertmanager.
type Told struct {
	Key model.DeliveryKey
	// At is when the notification had succeeded.
	At               model.Millis
	Firing, Resolved model.AlertSet
	Data             model.Data
}

// Book says what the entries of a notification log are called here.
type Book struct {
	Routes *route.Tree
	// Identity is the identity of the integration of a receiver that is the
	// idx-th of its type, from 0; false if there is none.
	Identity func(receiver, typ string, idx int) (string, bool)
}

// Log reads an Alertmanager's notification log: what is kept at now, the youngest
// of each key, ascending by key. What no group or integration of the book can
// answer to is left out and said. Error: ErrDamaged, beside what could be read.
func Log(r io.Reader, book Book, now model.Millis) ([]Told, []LeftOut, error) {
	byKey := make(map[model.DeliveryKey]Told)
	var out []LeftOut
	err := each(r, func() *nflogpb.MeshEntry { return new(nflogpb.MeshEntry) }, func(m *nflogpb.MeshEntry) {
		e := m.Entry
		if expires := millis(m.ExpiresAt); expires > 0 && expires < now {
			return // Alertmanager would forget it at its next cleaning up
		}
		keys, why := book.keys(e)
		if why != "" {
			out = append(out, LeftOut{What: nameOf(e), Why: why})
			return
		}
		told := Told{
			At: millis(e.Timestamp), Firing: setOf(e.FiringAlerts), Data: dataOf(e.ReceiverData),
		}
		told.Resolved = setOf(e.ResolvedAlerts).Minus(told.Firing)
		for _, key := range keys {
			if told.Key = key; byKey[key].At < told.At {
				byKey[key] = told
			}
		}
	})
	all := slices.SortedFunc(maps.Values(byKey), func(a, b Told) int { return a.Key.Compare(b.Key) })
	return all, out, err
}

// keys are the keys of ours that an entry speaks of, or why there are none.
func (b *Book) keys(e *nflogpb.Entry) ([]model.DeliveryKey, string) {
	to := e.GetReceiver()
	switch {
	case e == nil || to == nil || len(e.GroupKey) == 0:
		return nil, "it names no group or no receiver"
	case millis(e.Timestamp) == 0:
		return nil, "it has no time"
	case to.Idx > math.MaxInt32:
		return nil, "it names no integration"
	}
	groups := b.Routes.LedgerKeys(string(e.GroupKey), to.GroupName)
	if len(groups) == 0 {
		return nil, "no route of the configuration has such groups for this receiver"
	}
	identity, ok := b.Identity(to.GroupName, to.Integration, int(to.Idx))
	if !ok {
		return nil, "the receiver has no such integration in the configuration"
	}
	keys := make([]model.DeliveryKey, len(groups))
	for i, g := range groups {
		keys[i] = model.DeliveryKey{Group: g, Receiver: to.GroupName, Integration: identity}
	}
	return keys, ""
}

func nameOf(e *nflogpb.Entry) string {
	to := e.GetReceiver()
	return fmt.Sprintf("%s of %s/%s[%d]", e.GetGroupKey(), to.GetGroupName(), to.GetIntegration(), to.GetIdx())
}

func setOf(hashes []uint64) model.AlertSet {
	all := make([]model.AlertHash, len(hashes))
	for i, h := range hashes {
		all[i] = model.AlertHash(h)
	}
	return model.NewAlertSet(all...)
}

// dataOf is what an integration kept between its messages, up to the bound of
// the ledger.
func dataOf(kept map[string]*nflogpb.ReceiverDataValue) model.Data {
	var out model.Data
	size := 0
	for _, key := range slices.Sorted(maps.Keys(kept)) {
		d := model.Datum{Key: key}
		switch v := kept[key].GetValue().(type) {
		case *nflogpb.ReceiverDataValue_StrVal:
			d.Kind, d.Str = model.DatumStr, v.StrVal
		case *nflogpb.ReceiverDataValue_IntVal:
			d.Kind, d.Int = model.DatumInt, v.IntVal
		case *nflogpb.ReceiverDataValue_DoubleVal:
			d.Kind, d.Float = model.DatumFloat, v.DoubleVal
		default:
			continue
		}
		if size += len(d.Key) + len(d.Str); size > model.MaxDataBytes {
			break
		}
		out = append(out, d)
	}
	return out
}
