package app

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/cluster/exchange"
	"tocsin/dispatcher/alert"
)

// benchPair is two nodes on loopback that are nothing but stores and exchanges.
func benchPair(b *testing.B, stores [2]*alert.Store) (exchanges [2]*exchange.Exchange) {
	b.Helper()
	var listeners [2]net.Listener
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		listeners[i] = l
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	b.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	for i, store := range stores {
		port := &alertPort{alerts: store, now: time.Now, merge: func(as []alert.Alert) alert.PutResult { return store.Merge(time.Now(), as) }}
		exchanges[i] = exchange.New(exchange.Options{
			Self: string(rune('a' + i)), Store: port, Dial: dial, Listener: listeners[i], Expected: true,
			Peers: func() []exchange.Peer {
				return []exchange.Peer{{ID: string(rune('a' + 1 - i)), Address: listeners[1-i].Addr().String()}}
			},
		})
		port.listen(exchanges[i])
		wg.Go(func() { _ = exchanges[i].Run(ctx) })
	}
	return exchanges
}

// benchAlerts are n alerts of about 500 bytes in wire form.
func benchAlerts(n int) []alert.Alert {
	out := make([]alert.Alert, n)
	now := time.Now()
	for i := range out {
		a := alert.Of(alert.NewLabels(map[string]string{
			"alertname": fmt.Sprintf("Bench%d", i%50), "instance": fmt.Sprintf("host-%d:9100", i), "job": "node",
			"severity": "page", "cluster": "eu-1", "namespace": "default", "n": fmt.Sprint(i),
		}))
		a.Annotations = alert.NewAnnotations(map[string]string{
			"summary": fmt.Sprintf("host-%d is not well", i), "description": strings.Repeat("what is known about it ", 8),
		})
		a.StartsAt, a.EndsAt, a.UpdatedAt = now.UnixNano(), now.Add(time.Hour).UnixNano(), now.UnixNano()
		out[i] = a
	}
	return out
}

// BenchmarkPushedAlert is what a new alert costs from the post on one node to the
// store of another, both sides together.
func BenchmarkPushedAlert(b *testing.B) {
	stores := [2]*alert.Store{alert.NewStore(alert.Options{}), alert.NewStore(alert.Options{})}
	exchanges := benchPair(b, stores)
	<-exchanges[0].Synced()
	all := benchAlerts(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for rest := all; len(rest) > 0; {
		n := min(64, len(rest))
		stores[0].Put(time.Now(), rest[:n])
		rest = rest[n:]
	}
	for stores[1].Len() < b.N {
		time.Sleep(100 * time.Microsecond)
	}
}

// BenchmarkJoin50k is what it takes until a node that has nothing has 50,000
// alerts.
func BenchmarkJoin50k(b *testing.B) {
	for b.Loop() {
		stores := [2]*alert.Store{alert.NewStore(alert.Options{}), alert.NewStore(alert.Options{})}
		stores[0].Put(time.Now(), benchAlerts(50_000))
		benchPair(b, stores)
		for stores[1].Len() < 50_000 {
			time.Sleep(time.Millisecond)
		}
	}
}

// BenchmarkEntries50k is a walk through 50,000 alerts, of which each comparison
// of equal stores does one on either side.
func BenchmarkEntries50k(b *testing.B) {
	store := alert.NewStore(alert.Options{})
	store.Put(time.Now(), benchAlerts(50_000))
	p := &alertPort{alerts: store, now: time.Now}
	var sum uint64
	for b.Loop() {
		for e := range p.Entries() {
			sum += e.Sum
		}
	}
}
