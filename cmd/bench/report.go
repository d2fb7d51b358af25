package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"tocsin/cmd/bench/load"
)

func alertsIn(bodies [][]byte) int {
	n := 0
	for _, b := range bodies {
		n += bytes.Count(b, []byte(`"labels":`))
	}
	return n
}

// report prints every measurement, and behind those of one size what Tocsin
// does for Alertmanager's one.
func report(out io.Writer, in []ingest, told []delivery) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	if len(in) > 0 {
		fmt.Fprintf(w, "Alerts of 8 labels and 300 bytes of annotations, %d a request, on one node\n", load.PerRequest)
		fmt.Fprintln(w, "alerts\tprogram\tnew/s\tCPU s/100k\trefresh/s\tCPU s/100k\tGET alerts\tMB\tGET groups\tMB\tRSS KiB/alert\tpeak MB\t")
		for _, r := range in {
			fmt.Fprintf(w, "%d\t%s\t%.0f\t%.2f\t%.0f\t%.2f\t%v\t%.1f\t%v\t%.1f\t%.1f\t%d\t\n", r.alerts, r.program,
				r.fresh.perSecond, r.fresh.cpu.Seconds(), r.refresh.perSecond, r.refresh.cpu.Seconds(),
				short(r.list.Took), mega(r.list.Size), short(r.groups.Took), mega(r.groups.Size),
				float64(r.rss)/1024, r.peak>>20)
		}
		ratios(w, in)
		fmt.Fprintln(w)
	}
	if len(told) > 0 && told[0].burst.groups > 0 {
		fmt.Fprintf(w, "Notifications of %d nodes; delays are behind group_wait\n", told[0].nodes)
		fmt.Fprintln(w, "program\tone by one\tp50\tmax\tat once\ttold/s\tp50\tmax\tCPU s/1000\trepeats\t")
		for _, d := range told {
			fmt.Fprintf(w, "%s\t%d\t%v\t%v\t%d\t%.0f\t%v\t%v\t%.2f\t%d\t\n", d.program,
				d.single.groups, short(d.single.median), short(d.single.max),
				d.burst.groups, d.perSecond, short(d.burst.median), short(d.burst.max), d.cpu.Seconds(), d.repeats)
		}
	}
	return w.Flush()
}

// ratios prints a line for each size that both programs were measured with:
// the mean of the first program over the mean of the second.
func ratios(w io.Writer, in []ingest) {
	var sizes []int
	for _, r := range in {
		sizes = append(sizes, r.alerts)
	}
	slices.Sort(sizes)
	for _, n := range slices.Compact(sizes) {
		a, b := pick(in, in[0].program, n), pick(in, "", n)
		b = slices.DeleteFunc(b, func(r ingest) bool { return r.program == in[0].program })
		if len(a) == 0 || len(b) == 0 {
			continue
		}
		ratio := func(of func(ingest) float64) float64 { return mean(a, of) / mean(b, of) }
		fmt.Fprintf(w, "%d\tratio\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", n,
			ratio(func(r ingest) float64 { return r.fresh.perSecond }), ratio(func(r ingest) float64 { return float64(r.fresh.cpu) }),
			ratio(func(r ingest) float64 { return r.refresh.perSecond }), ratio(func(r ingest) float64 { return float64(r.refresh.cpu) }),
			ratio(func(r ingest) float64 { return float64(r.list.Took) }), ratio(func(r ingest) float64 { return float64(r.list.Size) }),
			ratio(func(r ingest) float64 { return float64(r.groups.Took) }), ratio(func(r ingest) float64 { return float64(r.groups.Size) }),
			ratio(func(r ingest) float64 { return float64(r.rss) }), ratio(func(r ingest) float64 { return float64(r.peak) }))
	}
}

// pick is the measurements of a program, or of all if it is empty, with n alerts.
func pick(in []ingest, program string, n int) []ingest {
	var out []ingest
	for _, r := range in {
		if r.alerts == n && cmp.Or(program, r.program) == r.program {
			out = append(out, r)
		}
	}
	return out
}

func mean(in []ingest, of func(ingest) float64) float64 {
	sum := 0.0
	for _, r := range in {
		sum += of(r)
	}
	return sum / float64(len(in))
}

func mega(n int64) float64 { return float64(n) / 1e6 }

// short is a duration with as many digits as mean something.
func short(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(max(100*time.Microsecond, d/100).Round(100 * time.Microsecond))
}
