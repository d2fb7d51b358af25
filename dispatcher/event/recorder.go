package event

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/eventrecorder/eventrecorderpb"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/fsm/model"
)

// Recorder writes events down. All methods may be called from several goroutines,
// and do nothing for nil.
type Recorder struct {
	opts Options
	to   eventrecorder.Recorder
	// ctx is one in which Alertmanager's package records.
	ctx context.Context
}

// Options are what a Recorder is made of.
type Options struct {
	// Instance names this node in every event.
	Instance string
	// Folder is what relative paths of files start from.
	Folder string
	// Silence finds a silence by its ID, so that events can show it.
	Silence    func(id string) (*model.Silence, bool)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// New makes a Recorder without outputs. Close must be called.
func New(o Options) *Recorder {
	return &Recorder{
		opts: o, ctx: eventrecorder.WithEventRecording(context.Background()),
		to: eventrecorder.NewRecorderFromConfig(eventrecorder.Config{}, o.Instance, o.Logger, o.Registerer),
	}
}

// Apply follows the key event_recorder of a configuration.
func (r *Recorder) Apply(c eventrecorder.Config) {
	if r == nil {
		return
	}
	c.FileOutputs = slices.Clone(c.FileOutputs)
	for i := range c.FileOutputs {
		if path := &c.FileOutputs[i].Path; !filepath.IsAbs(*path) {
			*path = filepath.Join(r.opts.Folder, *path)
		}
	}
	r.to.ApplyConfig(c)
}

// Close writes what is queued.
func (r *Recorder) Close() error {
	if r == nil {
		return nil
	}
	return r.to.Close()
}

func (r *Recorder) record(build func() *eventrecorderpb.EventData) { r.to.RecordEvent(r.ctx, build) }

// Outputs is how many outputs a configuration asks for.
func Outputs(c eventrecorder.Config) int {
	return len(c.FileOutputs) + len(c.WebhookOutputs) + len(c.KafkaOutputs) + len(c.StdoutOutputs)
}
