package chaos

import (
	"context"
	"fmt"
	"os"
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
	row.Posts = summarise(only(posts, false), Span{0, forever})
	if sc.Want.Posts != nil {
		row.Posts = summarise(only(posts, false), sc.Want.Posts.Span)
		w.Note("requests to the control: p99 %v", machineCosts(posts, sc.Want.Posts.Span)/2)
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
	w.Story = sc.Plan.Story()
	if sc.Story != nil {
		w.Story = sc.Story(sc.Plan)
	}
	if sc.Interval != 0 {
		w.timing.Interval = sc.Interval
	}
	ctx, cancel := context.WithTimeout(ctx, seconds(w.Story.Length)+3*time.Minute)
	defer cancel()
	if err := w.setUp(ctx, sc); err != nil {
		return err
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

// setUp makes all ready for the story.
func (w *World) setUp(ctx context.Context, sc Scenario) error {
	if sc.Prepare != nil {
		if err := sc.Prepare(ctx, w); err != nil {
			return err
		}
	}
	if err := w.launch(ctx); err != nil {
		return err
	}
	if sc.Settle != nil {
		if err := sc.Settle(ctx, w); err != nil {
			return err
		}
	}
	if sc.Want.Posts != nil {
		c, err := newControl(w.hosts[sinkHost])
		if err != nil {
			return err
		}
		w.control = c
	}
	return w.balance(sc.Balanced)
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
		if w.control != nil {
			targets = append(targets, w.control.target())
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
