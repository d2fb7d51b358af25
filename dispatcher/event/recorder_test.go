package event_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unique"

	"github.com/prometheus/alertmanager/eventrecorder"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/event"
	"tocsin/fsm/model"
)

func made() *alert.Alert {
	return &alert.Alert{Labels: alert.Labels{{Name: unique.Make("alertname"), Value: unique.Make("Down")}}, GeneratorURL: unique.Make("")}
}

// TestNothing: without a recorder nothing is written, nothing breaks, and nothing
// is allocated.
func TestNothing(t *testing.T) {
	var r *event.Recorder
	a, s, g := made(), &model.Silence{ID: "x"}, event.Group{Key: "k"}
	n := testing.AllocsPerRun(100, func() {
		r.Created(a)
		r.Grouped(g, a)
		r.Resolved(g, a)
		r.Silenced([]string{"x"}, a)
		r.Inhibited(7, a)
		r.SilenceSet(s, true)
		r.SilenceEnded("x")
		r.Started("1", "")
		r.Stopped()
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
	r.Apply(eventrecorder.Config{})
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestFile writes to a file that is named relative to the configuration, and stops
// when the configuration says so.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	silence := &model.Silence{ID: "s1", CreatedBy: "ann", MatcherSets: [][]model.Matcher{{{Type: model.MatchNotRegexp, Name: "a", Value: "b.*"}}}}
	r := event.New(event.Options{
		Instance: "n1", Folder: dir, Logger: slog.New(slog.DiscardHandler),
		Silence: func(id string) (*model.Silence, bool) { return silence, id == silence.ID },
	})
	c := eventrecorder.Config{FileOutputs: []eventrecorder.FileOutputConfig{{Path: "events.jsonl"}}}
	if event.Outputs(c) != 1 || event.Outputs(eventrecorder.Config{}) != 0 {
		t.Error("outputs are counted wrongly")
	}
	r.Apply(c)
	r.Silenced([]string{"s1", "gone"}, made())
	r.SilenceEnded("s1")
	r.SilenceEnded("gone")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if c.FileOutputs[0].Path != "events.jsonl" {
		t.Error("the configuration was changed")
	}
	text, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err != nil || len(lines) != 3 {
		t.Fatalf("got %q (%v), want three events", text, err)
	}
	for i, want := range []string{`a!~\"b.*\"`, `"gone"`, `silenceUpdated`} {
		if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], `"n1"`) {
			t.Errorf("event %d is %s, want %s in it", i, lines[i], want)
		}
	}
}
