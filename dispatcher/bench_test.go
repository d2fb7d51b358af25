package dispatcher_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	amconfig "github.com/prometheus/alertmanager/config"

	"tocsin/dispatcher"
	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/notify"
	"tocsin/dispatcher/route"
	"tocsin/dispatcher/silence"
)

// deafEar takes every message at once.
type deafEar struct{}

func (deafEar) Identity() string                                          { return "ear" }
func (deafEar) SendResolved() bool                                        { return true }
func (deafEar) Begun()                                                    {}
func (deafEar) Failed(string)                                             {}
func (deafEar) Send(context.Context, *notify.Message) (res notify.Result) { return }

func benchDispatcher(b *testing.B, yaml string) (*dispatcher.Dispatcher, *seat) {
	b.Helper()
	c, err := amconfig.Load(yaml)
	if err != nil {
		b.Fatal(err)
	}
	tree, err := route.New(c.Route)
	if err != nil {
		b.Fatal(err)
	}
	l := newLedger()
	l.config = 1
	s := &seat{ledger: l, of: 1, reachable: 1, voters: 1}
	m := &mouth{gossip: newGossip(), node: "n", all: &[]*mouth{}}
	d := dispatcher.New(dispatcher.Options{
		Ledger: s, Peers: s, Overlay: m, Node: "n", Store: alert.NewStore(alert.Options{}),
		Silences: silence.NewMuter(func() silence.View { return silenceView{} }),
	})
	setup := dispatcher.Setup{Rev: 1, Routes: tree, InhibitRules: c.InhibitRules, Receivers: map[string][]dispatcher.Integration{"hook": {deafEar{}}}}
	if err := d.Use(setup); err != nil {
		b.Fatal(err)
	}
	go func() { _ = d.Run(context.Background()) }()
	b.Cleanup(func() { _ = d.Stop(context.Background()) })
	return d, s
}

func manyAlerts(n, groups int) []alert.Alert {
	now := time.Now()
	out := make([]alert.Alert, n)
	for i := range out {
		out[i] = alert.Of(alert.NewLabels(map[string]string{
			"alertname": fmt.Sprint("Alert", i%7), "job": fmt.Sprint("job", i%groups), "instance": fmt.Sprint("host", i), "severity": "warning", "cluster": "c",
		}))
		out[i].StartsAt, out[i].UpdatedAt, out[i].EndsAt = now.UnixNano(), now.UnixNano(), now.Add(time.Hour).UnixNano()
	}
	return out
}

func BenchmarkPostRefresh(b *testing.B) {
	d, _ := benchDispatcher(b, simple("1h", "1h", "4h"))
	batch := manyAlerts(64, 8)
	d.Post(batch)
	b.ReportAllocs()
	for b.Loop() {
		for i := range batch {
			batch[i].UpdatedAt++
			batch[i].EndsAt++
		}
		d.Post(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/alert")
}

func BenchmarkPostNew(b *testing.B) {
	batch := manyAlerts(20000, 2000)
	b.ReportAllocs()
	for b.Loop() {
		d, _ := benchDispatcher(b, simple("1h", "1h", "4h")+inhibiting)
		d.Post(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/alert")
}

// BenchmarkStorm is from the post to the last settlement.
func BenchmarkStorm(b *testing.B) {
	batch := manyAlerts(20000, 2000)
	for b.Loop() {
		d, s := benchDispatcher(b, simple("0s", "1h", "4h"))
		d.Post(batch)
		for s.tally().grants < 2000 || d.Pending() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*2000), "ns/group")
}

// BenchmarkReload looks at all alerts anew; nothing is to be told.
func BenchmarkReload(b *testing.B) {
	d, _ := benchDispatcher(b, simple("1h", "1h", "4h"))
	d.Post(manyAlerts(20000, 2000))
	setup := dispatcher.Setup{Rev: 1, Receivers: map[string][]dispatcher.Integration{"hook": {deafEar{}}}}
	c, _ := amconfig.Load(simple("1h", "1h", "4h"))
	setup.Routes, _ = route.New(c.Route)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Use(setup); err != nil {
			b.Fatal(err)
		}
	}
}
