package notify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/model"
)

// storeOf is data in the form that notifiers read and write.
func storeOf(data model.Data) *nflog.Store {
	s := nflog.NewStore(nil)
	for _, d := range data {
		switch d.Kind {
		case model.DatumInt:
			s.SetInt(d.Key, d.Int)
		case model.DatumFloat:
			s.SetFloat(d.Key, d.Float)
		case model.DatumStr:
			s.SetStr(d.Key, d.Str)
		}
	}
	return s
}

// dataOf is what a store holds. A store gives out single keys only, so it is
// written to a notification log of its own, whose entry shows all of it.
func dataOf(s *nflog.Store) (model.Data, error) {
	const key = "scratch"
	log, err := nflog.New(nflog.Options{Retention: time.Hour, Metrics: prometheus.NewRegistry()})
	if err != nil {
		return nil, fmt.Errorf("read integration data: %w", err)
	}
	receiver := &nflogpb.Receiver{GroupName: key, Integration: key}
	if err := log.Log(receiver, key, nil, nil, s, 0); err != nil {
		return nil, fmt.Errorf("read integration data: %w", err)
	}
	entries, err := log.Query(nflog.QGroupKey(key), nflog.QReceiver(receiver))
	if err != nil || len(entries) != 1 {
		return nil, fmt.Errorf("read integration data: %d entries: %w", len(entries), err)
	}
	var data model.Data
	for name, value := range entries[0].ReceiverData {
		data = append(data, datumOf(name, value))
	}
	slices.SortFunc(data, func(a, b model.Datum) int { return cmp.Compare(a.Key, b.Key) })
	return data, nil
}

func datumOf(name string, value *nflogpb.ReceiverDataValue) model.Datum {
	switch v := value.GetValue().(type) {
	case *nflogpb.ReceiverDataValue_IntVal:
		return model.Datum{Key: name, Kind: model.DatumInt, Int: v.IntVal}
	case *nflogpb.ReceiverDataValue_DoubleVal:
		return model.Datum{Key: name, Kind: model.DatumFloat, Float: v.DoubleVal}
	default:
		return model.Datum{Key: name, Kind: model.DatumStr, Str: value.GetStrVal()}
	}
}

// dataSize is what data counts against model.MaxDataBytes.
func dataSize(data model.Data) int {
	n := 0
	for _, d := range data {
		n += len(d.Key) + len(d.Str)
	}
	return n
}
