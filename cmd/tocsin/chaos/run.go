package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Row is what came of one run.
type Row struct {
	System, Scenario string
	Verdict          Verdict
	Posts            PostSummary
	// Wrong is what was not as wanted; nothing if the run is good.
	Wrong []string
	// Err is set when the run could not be made.
	Err error `json:"-"`
	// Logs is the folder with the logs of the run.
	Logs string
}

// Place is where a run may put things.
type Place struct {
	// Prefix makes the names of its namespaces unique.
	Prefix string
	// Dir is for data and is removed by the caller, Logs is kept.
	Dir, Logs string
}

// Run runs a scenario on a system.
func Run(ctx context.Context, sc Scenario, sys System, at Place) Row {
	row := Row{System: sys.Name, Scenario: sc.Name, Logs: at.Logs}
	if row.Err = os.MkdirAll(at.Logs, 0o700); row.Err != nil {
		return row
	}
	w, err := newWorld(ctx, sys, at.Prefix, at.Dir, at.Logs)
	defer w.close()
	if err == nil {
		err = w.play(ctx, sc)
	}
	if err != nil {
		row.Err = err
		w.Note("error: %v", err)
	}
	if w.Sink == nil || w.zero.IsZero() {
		w.report(row)
		return row
	}
	var posts []Post
	for _, s := range w.Sources {
		posts = append(posts, s.posts()...)
	}
	row.Verdict = Judge(w.Story, w.Sink.Told())
	row.Posts = summarise(posts, Span{0, forever})
	if sc.Want.Posts != nil {
		row.Posts = summarise(posts, sc.Want.Posts.Span)
	}
	row.Wrong = sc.Want.violations(row.Verdict, posts)
	if sc.Check != nil {
		row.Wrong = append(row.Wrong, sc.Check(w)...)
	}
	w.report(row)
	return row
}

// play makes the run.
func (w *World) play(ctx context.Context, sc Scenario) error {
	story := Plan.Story
	if sc.Story != nil {
		story = func(p Plan) Story { return sc.Story(p) }
	}
	w.Story = story(sc.Plan)
	if sc.Interval != 0 {
		w.timing.Interval = sc.Interval
	}
	ctx, cancel := context.WithTimeout(ctx, seconds(w.Story.Length)+3*time.Minute)
	defer cancel()
	for _, do := range []func(context.Context, *World) error{
		sc.Prepare,
		func(ctx context.Context, w *World) error { return w.launch(ctx) },
		sc.Settle,
		func(_ context.Context, w *World) error { return w.balance(sc.Balanced) },
	} {
		if do == nil {
			continue
		}
		if err := do(ctx, w); err != nil {
			return err
		}
	}
	w.zero = time.Now()
	w.Sink.begin(w.zero)
	w.Note("the story begins")
	stop := w.send(ctx)
	defer stop()
	for _, step := range sc.Steps {
		if err := w.until(ctx, step.At); err != nil {
			return err
		}
		w.Note("%s", step.What)
		if err := step.Do(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", step.What, err)
		}
		w.Note("done: %s (about %s)", step.What, w.victimName())
	}
	return w.until(ctx, w.Story.Length)
}

func (w *World) victimName() string {
	if w.Victim == nil {
		return "nobody"
	}
	return w.Victim.Name
}

// balance starts the load balancer if there is to be one.
func (w *World) balance(wanted bool) (err error) {
	if wanted {
		w.balancer, err = newBalancer(w.hosts[balancerHost], w.Nodes)
	}
	return err
}

// send starts the sources; the returned function ends them.
func (w *World) send(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for i := range sources {
		var targets [][2]string
		if w.balancer != nil {
			targets = [][2]string{{"lb", fmt.Sprintf("http://%s:%d", addr(balancerHost), webPort)}}
		} else {
			for _, n := range w.Nodes {
				targets = append(targets, [2]string{n.Name, n.URL()})
			}
		}
		alerts := slices.DeleteFunc(slices.Clone(w.Story.Alerts), func(a AlertStory) bool { return a.Source != i })
		s := newSource(w.hosts[sourceHost+byte(i)], alerts, w.zero, targets)
		w.Sources = append(w.Sources, s)
		all.Go(func() { s.run(ctx) })
	}
	return func() { cancel(); all.Wait() }
}

// until waits for a time of the run.
func (w *World) until(ctx context.Context, at float64) error {
	select {
	case <-time.After(seconds(at - w.Now())):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// report writes what happened into the folder of the logs.
func (w *World) report(row Row) {
	f, err := os.Create(filepath.Join(row.Logs, "report.txt"))
	if err != nil {
		return // the row says what matters
	}
	defer f.Close()
	fmt.Fprintf(f, "%s on %s\nstart %s\n", row.Scenario, row.System, w.zero.Format("15:04:05.000"))
	for _, line := range row.Wrong {
		fmt.Fprintln(f, "WRONG", line)
	}
	v := row.Verdict
	for _, k := range []struct {
		what string
		list []Mistake
	}{{"missed", v.Missed}, {"duplicate", v.Duplicates}, {"false resolve", v.FalseResolves}, {"unresolved", v.Unresolved}} {
		for _, m := range k.list {
			fmt.Fprintf(f, "%-13s %7.2f %s %s by %s same=%v: %s\n", k.what, m.At, w.zero.Add(seconds(m.At)).Format("15:04:05.000"), m.Group, m.Node, m.SameID, m.Text)
		}
	}
	for _, d := range v.First {
		fmt.Fprintf(f, "first %s from %.2f after %.3f\n", d.Group, d.From, d.Delay)
	}
	w.mu.Lock()
	for _, line := range w.events {
		fmt.Fprintln(f, "event", line)
	}
	w.mu.Unlock()
	if w.Sink == nil {
		return
	}
	for _, a := range w.Sink.Arrivals() {
		fmt.Fprintf(f, "arrival %7.2f %s %s by %s %s code %d %s %s\n", a.At, w.zero.Add(seconds(a.At)).Format("15:04:05.000"), a.Group, a.Node, a.Receiver, a.Code, a.Telling, a.Problem)
	}
	for _, s := range w.Sources {
		for _, p := range s.posts() {
			if p.Code != 200 || p.Took > 50*time.Millisecond {
				fmt.Fprintf(f, "post %7.2f to %s took %v code %d\n", p.At, p.Node, p.Took, p.Code)
			}
		}
	}
}
