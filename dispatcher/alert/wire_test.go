package alert_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unique"

	"pgregory.net/rapid"

	"tocsin/dispatcher/alert"
)

func drawWire(t *rapid.T) alert.Alert {
	a := alert.Of(alert.NewLabels(drawLabelMap(t, 5)))
	a.Annotations = alert.NewAnnotations(drawLabelMap(t, 3))
	times := rapid.Int64()
	a.StartsAt, a.EndsAt, a.UpdatedAt = times.Draw(t, "start"), times.Draw(t, "end"), times.Draw(t, "updated")
	a.Timeout = rapid.Bool().Draw(t, "timeout")
	if g := rapid.SampledFrom([]string{"", "http://x/g?a=b"}).Draw(t, "generator"); g != "" {
		a.GeneratorURL = unique.Make(g)
	}
	return a
}

func TestWireKeepsAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := drawWire(rt), drawWire(rt)
		wire := alert.AppendWire([]byte("before"), &a)
		got, err := alert.ReadWire(wire[len("before"):])
		if err != nil {
			rt.Fatal(err)
		}
		if show(&got) != show(&a) || got.Generator() != a.Generator() || !got.Labels.Equal(a.Labels) ||
			got.Hash != a.Hash || got.Fingerprint != a.Fingerprint || got.Annotations != a.Annotations {
			rt.Fatalf("written %s, read %s", show(&a), show(&got))
		}
		same := bytes.Equal(alert.AppendWire(nil, &a), alert.AppendWire(nil, &b))
		if equal := show(&a) == show(&b) && a.Generator() == b.Generator(); same != equal {
			rt.Fatalf("equal alerts: %v, equal bytes: %v: %s and %s", equal, same, show(&a), show(&b))
		}
		refreshed := a
		refreshed.EndsAt, refreshed.UpdatedAt = b.EndsAt, b.UpdatedAt
		if refreshed.Sum() != a.Sum() {
			rt.Fatal("the sum depends on the end or the time of update")
		}
		refreshed.StartsAt++
		if refreshed.Sum() == a.Sum() {
			rt.Fatal("the sum does not depend on the start")
		}
	})
}

func TestWireRefusesWhatIsTooLarge(t *testing.T) {
	for _, over := range []bool{false, true} {
		size := alert.MaxWireSection - 10
		if over {
			size += 10
		}
		text := strings.Repeat("x", size)
		for name, a := range map[string]alert.Alert{
			"label":      alert.Of(alert.NewLabels(map[string]string{"a": text})),
			"annotation": {Annotations: alert.NewAnnotations(map[string]string{"a": text})},
		} {
			wire := alert.AppendWire(nil, &a)
			if (len(wire) == 0) != over {
				t.Errorf("%s of %d bytes: written with %d bytes", name, size, len(wire))
			}
			if _, err := alert.ReadWire(wire); (err != nil) != over {
				t.Errorf("%s of %d bytes: read with %v", name, size, err)
			}
		}
	}
}

func TestWireOfANewerProgram(t *testing.T) {
	if _, err := alert.ReadWire([]byte{2}); !errors.Is(err, alert.ErrWireVersion) {
		t.Errorf("a newer version is read with %v", err)
	}
}

// FuzzReadWire holds that what is read is written with the same bytes again.
func FuzzReadWire(f *testing.F) {
	a := build("x", "summary", times{start: 1, end: 2, updated: 3})
	a.GeneratorURL = unique.Make("http://x")
	wire := alert.AppendWire(nil, &a)
	f.Add(wire)
	f.Add(wire[:len(wire)-1])
	f.Add(alert.AppendWire(nil, &alert.Alert{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := alert.ReadWire(b)
		if err != nil {
			if !errors.Is(err, alert.ErrWire) && !errors.Is(err, alert.ErrWireVersion) {
				t.Fatal(err)
			}
			return
		}
		if again := alert.AppendWire(nil, &a); !bytes.Equal(again, b) {
			t.Fatalf("read %x, written %x", b, again)
		}
	})
}

func BenchmarkWire(b *testing.B) {
	a := build("x", strings.Repeat("some words of a summary ", 8), times{start: 1, end: 2, updated: 3})
	a.Labels = alert.NewLabels(map[string]string{
		"alertname": "x", "instance": "host-1:9100", "job": "node", "severity": "page", "cluster": "eu-1", "namespace": "default",
	})
	wire := alert.AppendWire(nil, &a)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			wire = alert.AppendWire(wire[:0], &a)
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := alert.ReadWire(wire); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sum", func(b *testing.B) {
		for b.Loop() {
			a.Sum()
		}
	})
}
