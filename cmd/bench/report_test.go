package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/bench/load"
)

// The command has no package to test from outside; its parts have.

func TestReportPutsMeansInRatio(t *testing.T) {
	one := func(program string, perSecond float64) ingest {
		r := rate{perSecond: perSecond, cpu: time.Second}
		return ingest{
			program: program, alerts: 10, fresh: r, refresh: r, rss: 2048, peak: 1 << 20,
			list: load.Get{Took: time.Millisecond, Size: 100}, groups: load.Get{Took: time.Millisecond, Size: 100},
		}
	}
	var out bytes.Buffer
	err := report(&out, []ingest{one("tocsin", 300), one("alertmanager", 50), one("tocsin", 100), one("alertmanager", 150)}, nil)
	if err != nil {
		t.Fatalf("report: %v", err)
	}
	for line := range strings.Lines(out.String()) {
		if f := strings.Fields(line); len(f) > 3 && f[1] == "ratio" {
			if f[2] != "2.00" || f[3] != "1.00" {
				t.Errorf("ratios are %q, want 2.00 and 1.00 first", line)
			}
			return
		}
	}
	t.Errorf("there is no line of ratios:\n%s", out.String())
}

func TestLate(t *testing.T) {
	now := time.Now()
	due := map[string]time.Time{"a": now, "b": now, "c": now, "never": now}
	told := map[string]time.Time{"a": now.Add(3), "b": now.Add(1), "c": now.Add(2), "other": now.Add(9)}
	if got, want := late(due, told), (delays{groups: 3, median: 2, max: 3}); got != want {
		t.Errorf("delays are %+v, want %+v", got, want)
	}
	if got := late(due, nil); got != (delays{}) {
		t.Errorf("delays of nothing are %+v", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"-alerts", "x"},
		{"-alerts", "0"},
		{"-alerts", "999999999"},
		{"-repeats", "0"},
		{"-groups", "-1"},
		{"argument"},
		{"-bin", "", "-alertmanager", ""},
		{"-unknown"},
	} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	p, err := parse([]string{"-bin", "x", "-alertmanager", "y", "-alerts", "1,20", "-short"}, io.Discard)
	if err != nil || len(p.programs) != 2 || p.repeats != 1 || len(p.sizes) != 1 {
		t.Errorf("plan is %+v: %v", p, err)
	}
}
