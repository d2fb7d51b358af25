package fsm_test

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"tocsin/fsm"
	"tocsin/fsm/command"
	"tocsin/fsm/model"
	"tocsin/store"
)

// group is a set of n alerts.
func group(n int) model.AlertSet {
	s := make(model.AlertSet, n)
	for i := range s {
		s[i] = model.AlertHash(i) * 0x9e3779b9
	}
	return s
}

// benchReplica has a ledger of some size.
func benchReplica(b *testing.B, noSync bool, entries, size int) *replica {
	b.Helper()
	state, err := store.OpenState(filepath.Join(b.TempDir(), "state.db"), store.Options{NoSync: noSync})
	if err != nil {
		b.Fatal(err)
	}
	m, err := fsm.Open(fsm.Options{State: state})
	if err != nil {
		b.Fatal(err)
	}
	r := &replica{t: b, Machine: m, state: state}
	b.Cleanup(r.close)
	r.ok(1, command.PutNode{Node: model.Node{ID: "n1"}})
	for from := 0; from < entries; from += 500 {
		var cmds []command.Command
		for i := from; i < min(from+500, entries); i++ {
			cmds = append(cmds, command.MergeOverlay{Overlay: model.Overlay{Key: benchKey(i), Origin: "n1", Epoch: 1, Seq: 1, Must: group(size)}})
		}
		r.do(1, cmds...)
	}
	r.log = nil
	return r
}

func benchKey(i int) model.DeliveryKey {
	return model.DeliveryKey{Group: fmt.Sprintf("{}/{team=%q}:{alertname=%q}", "x", fmt.Sprint(i)), Receiver: "team", Integration: "webhook/0011223344556677"}
}

// One notification is a claim and a settlement; log entries come in batches, as
// Raft hands them over when there is a queue.
func BenchmarkNotify(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		for _, batch := range []int{1, 64} {
			for _, alerts := range []int{5, 100} {
				b.Run(fmt.Sprintf("sync=%v/batch=%d/alerts=%d", !noSync, batch, alerts), func(b *testing.B) {
					r := benchReplica(b, noSync, 10_000, alerts)
					firing := group(alerts)
					b.ResetTimer()
					b.ReportAllocs()
					for n := 0; n < b.N; n += batch {
						notify(b, r, n, batch, firing)
					}
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "notifications/s")
				})
			}
		}
	}
}

func notify(b *testing.B, r *replica, n, batch int, firing model.AlertSet) {
	b.Helper()
	var claims, settles []fsm.LogEntry
	at := r.View().Index()
	for i := range batch {
		k := benchKey((n + i) % 10_000)
		tok := token(fmt.Sprint(n + i))
		claims = append(claims, logged(b, at+uint64(i)+1, 1, command.Claim{ClaimRequest: model.ClaimRequest{
			Key: k, Token: tok, Node: "n1", BaseRev: r.entry(k).Rev, Firing: firing,
		}}))
		settles = append(settles, logged(b, at+uint64(batch+i)+1, 1, command.Settle{Settlement: model.Settlement{
			Key: k, Token: tok, Node: "n1", Firing: firing, Delivery: model.Delivery{ID: "0123456789abcdef", Outcome: model.OutcomeSent},
		}}))
	}
	for _, entries := range [][]fsm.LogEntry{claims, settles} {
		results, err := r.ApplyBatch(entries)
		if err != nil {
			b.Fatal(err)
		}
		for i := range results {
			if results[i][0].Code != command.CodeOK {
				b.Fatalf("%+v", results[i])
			}
		}
	}
}

func BenchmarkEntry(b *testing.B) {
	r := benchReplica(b, true, 10_000, 5)
	k := benchKey(1234)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok := r.View().Entry(k); !ok {
				b.Error("no entry")
			}
		}
	})
}

func BenchmarkSnapshot(b *testing.B) {
	r := benchReplica(b, true, 10_000, 100)
	var size int64
	b.ReportAllocs()
	for b.Loop() {
		s, err := r.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		if size, err = s.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
		s.Release()
	}
	b.SetBytes(size)
}

func BenchmarkRestore(b *testing.B) {
	snap := benchReplica(b, true, 10_000, 100).dump()
	r := benchReplica(b, false, 0, 0)
	b.SetBytes(int64(len(snap)))
	for b.Loop() {
		if err := r.Restore(bytes.NewReader(snap)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	r := benchReplica(b, true, 10_000, 100)
	path := filepath.Join(b.TempDir(), "state.db")
	into := openReplica(b, path)
	if err := into.Restore(bytes.NewReader(r.dump())); err != nil {
		b.Fatal(err)
	}
	into.close()
	for b.Loop() {
		openReplica(b, path).close()
	}
}
