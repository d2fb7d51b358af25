package alert_test

import (
	"bytes"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"tocsin/dispatcher/alert"
)

const (
	perRequest = 64
	benchSize  = 20_000
	// maxHeapPerAlert is the promise of the package: live heap in bytes for an
	// alert with 8 labels and 300 bytes of annotations.
	maxHeapPerAlert = 1228
)

// bodies are requests of perRequest alerts each, n in all, as Prometheus sends
// them: 8 labels, of which two are an alert's own, and 300 bytes of annotations.
func bodies(n int) [][]byte {
	var out [][]byte
	for i := 0; i < n; i += perRequest {
		var b bytes.Buffer
		b.WriteByte('[')
		for j := i; j < min(n, i+perRequest); j++ {
			if j > i {
				b.WriteByte(',')
			}
			writeAlert(&b, j)
		}
		b.WriteByte(']')
		out = append(out, b.Bytes())
	}
	return out
}

func writeAlert(b *bytes.Buffer, i int) {
	fmt.Fprintf(b, `{"annotations":{"description":"The filesystem at /var/lib of host node-%06d.example.org has %d%% of its space left and will be full within four hours if nothing is done; add a disk to the volume.","runbook_url":"https://runbooks.example.org/node/filesystem-almost-full","summary":"Filesystem of node-%06d is almost full (instance node-%06d:9100)"},`, i, i%100, i, i)
	fmt.Fprintf(b, `"endsAt":"2026-03-01T12:04:00.000Z","startsAt":"2026-03-01T11:00:00.123Z","generatorURL":"http://prometheus.example.org/graph?g0.expr=rule%d&g0.tab=1",`, i%20)
	fmt.Fprintf(b, `"labels":{"alertname":"Filesystem%d","cluster":"eu-west-%d","device":"/dev/sda%d","env":"production","instance":"node-%06d:9100","job":"node","pod":"exporter-%06d","severity":"warning"}}`, i%20, i%4, i%8, i, i)
}

func BenchmarkNew(b *testing.B) {
	reqs := bodies(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		s := alert.NewStore(alert.Options{})
		d := alert.NewDecoder(alert.DecoderOptions{Known: s})
		spent := cpu()
		post(b, s, d, reqs, base)
		report(b, cpu()-spent, benchSize)
	}
}

func BenchmarkRefresh(b *testing.B) {
	refresh(b, alert.NewStore(alert.Options{}))
}

// BenchmarkRefreshTold is BenchmarkRefresh with two subscribers that look at
// every change.
func BenchmarkRefreshTold(b *testing.B) {
	s := alert.NewStore(alert.Options{})
	for range 2 {
		s.Subscribe(func(changes []alert.Change, _ alert.Origin) {
			for i := range changes {
				c := &changes[i]
				if c.Kind == alert.Refreshed && alert.Drifted(c.Old, c.New) {
					b.Error("a refresh has drifted")
				}
			}
		})
	}
	refresh(b, s)
}

func refresh(b *testing.B, s *alert.Store) {
	b.Helper()
	reqs := bodies(benchSize)
	d := alert.NewDecoder(alert.DecoderOptions{Known: s})
	post(b, s, d, reqs, base)
	b.ReportAllocs()
	spent, n := cpu(), 0
	for b.Loop() {
		n++
		if res := post(b, s, d, reqs, base.Add(time.Duration(n)*time.Second)); res != benchSize {
			b.Fatalf("%d of %d were refreshes", res, benchSize)
		}
	}
	report(b, cpu()-spent, n*benchSize)
}

func BenchmarkDecodeKnown(b *testing.B) {
	reqs := bodies(perRequest)
	s := alert.NewStore(alert.Options{})
	d := alert.NewDecoder(alert.DecoderOptions{Known: s})
	post(b, s, d, reqs, base)
	b.SetBytes(int64(len(reqs[0])))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(reqs[0], arrival); err != nil {
			b.Fatalf("decode: %v", err)
		}
	}
}

// post decodes and puts all requests and counts the refreshes.
func post(tb testing.TB, s *alert.Store, d *alert.Decoder, reqs [][]byte, now time.Time) int {
	tb.Helper()
	refreshed := 0
	for _, r := range reqs {
		batch, err := d.Decode(r, alert.Arrival{Now: now, ResolveTimeout: 5 * time.Minute})
		if err != nil || batch.Err() != nil {
			tb.Fatalf("decode: %v, %v", err, batch.Err())
		}
		refreshed += s.Put(now, batch.Alerts).Refreshed
	}
	return refreshed
}

func report(b *testing.B, spent time.Duration, alerts int) {
	b.Helper()
	b.ReportMetric(spent.Seconds()*100_000/float64(alerts), "cpu-s/100k-alerts")
}

// cpu is the processor time that the process has used.
func cpu() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func TestHeapPerAlert(t *testing.T) {
	reqs := bodies(benchSize)
	s := alert.NewStore(alert.Options{})
	d := alert.NewDecoder(alert.DecoderOptions{Known: s})
	before := heap()
	post(t, s, d, reqs, base)
	fresh := (heap() - before) / benchSize
	for i := range 5 {
		post(t, s, d, reqs, base.Add(time.Duration(i+1)*time.Second))
	}
	refreshed := (heap() - before) / benchSize
	runtime.KeepAlive(s)
	runtime.KeepAlive(reqs)
	t.Logf("live heap an alert: %d bytes new, %d bytes refreshed", fresh, refreshed)
	if fresh > maxHeapPerAlert || refreshed > maxHeapPerAlert {
		t.Errorf("live heap an alert is %d bytes, %d after refreshes; the limit is %d", fresh, refreshed, maxHeapPerAlert)
	}
}

// heap is the live heap. Interned strings are let go in two rounds.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
