package chaos

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// report writes what happened into the folder of the logs.
func (w *World) report(row Row) {
	f, err := os.Create(filepath.Join(row.Logs, "report.txt"))
	if err != nil {
		return // the row says what matters
	}
	defer f.Close()
	fmt.Fprintf(f, "%s on %s\nstart %s\n", row.Scenario, row.System, w.clock(0))
	for _, line := range row.Wrong {
		fmt.Fprintln(f, "WRONG", line)
	}
	w.reportMistakes(f, row.Verdict)
	w.mu.Lock()
	for _, line := range w.events {
		fmt.Fprintln(f, "event", line)
	}
	w.mu.Unlock()
	w.reportTraffic(f)
}

// clock is a time of the run as the logs of the nodes show it.
func (w *World) clock(at float64) string {
	return w.zero.Add(seconds(at)).UTC().Format("15:04:05.000")
}

func (w *World) reportMistakes(f io.Writer, v Verdict) {
	for _, k := range []struct {
		what string
		list []Mistake
	}{{"missed", v.Missed}, {"duplicate", v.Duplicates}, {"false resolve", v.FalseResolves}, {"unresolved", v.Unresolved}} {
		for _, m := range k.list {
			fmt.Fprintf(f, "%-13s %7.2f %s %s by %s same=%v: %s\n", k.what, m.At, w.clock(m.At), m.Group, m.Node, m.SameID, m.Text)
		}
	}
	for _, d := range v.First {
		fmt.Fprintf(f, "first %s from %.2f after %.3f\n", d.Group, d.From, d.Delay)
	}
}

// reportTraffic writes what the receiver got, and which requests of the sources
// were slow or failed.
func (w *World) reportTraffic(f io.Writer) {
	if w.Sink == nil {
		return
	}
	for _, a := range w.Sink.Arrivals() {
		fmt.Fprintf(f, "arrival %7.2f %s %s by %s %s code %d %s %s\n", a.At, w.clock(a.At), a.Group, a.Node, a.Receiver, a.Code, a.Telling, a.Problem)
	}
	for _, s := range w.Sources {
		for _, p := range s.posts() {
			if p.Code != 200 || p.Took > 50*time.Millisecond {
				fmt.Fprintf(f, "post %7.2f to %s took %v code %d\n", p.At, p.Node, p.Took, p.Code)
			}
		}
	}
}
