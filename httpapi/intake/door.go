package intake

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tocsin/dispatcher/alert"
	"tocsin/dispatcher/trace"
	"tocsin/httpapi/view"
)

// Decoder reads a body of posted alerts. *alert.Decoder is one.
type Decoder interface {
	Decode(body []byte, at alert.Arrival) (alert.Batch, error)
}

// Dispatcher takes the alerts. It must not wait for anything but memory.
// *dispatcher.Dispatcher is one.
type Dispatcher interface {
	Post([]alert.Alert) alert.PutResult
}

// Options are what a Door is made of.
type Options struct {
	Decoder    Decoder
	Dispatcher Dispatcher
	// Config is the active configuration; nil before the first.
	Config     func() *view.Config
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	Now        func() time.Time
}

// Door takes posted alerts in. It is safe for concurrent use.
type Door struct {
	opts     Options
	received *prometheus.CounterVec
	invalid  *prometheus.CounterVec
}

// New makes a door and registers its metrics.
func New(opts Options) *Door {
	f := promauto.With(opts.Registerer)
	d := &Door{
		opts: opts,
		received: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertmanager_alerts_received_total",
			Help: "The total number of received alerts.",
		}, []string{"status", "version"}),
		invalid: f.NewCounterVec(prometheus.CounterOpts{
			Name: "alertmanager_alerts_invalid_total",
			Help: "The total number of received alerts that were invalid.",
		}, []string{"version"}),
	}
	for _, version := range []string{"v1", "v2"} {
		d.received.WithLabelValues("firing", version)
		d.received.WithLabelValues("resolved", version)
		d.invalid.WithLabelValues(version)
	}
	return d
}

// Take reads the body of r and hands its valid alerts on, even if others are
// not valid: what is wrong with those is in the batch. The error is one of
// reading, or the decoder's *alert.BodyError; then nothing was taken. version
// is the API's, "v1" or "v2".
func (d *Door) Take(r *http.Request, version string) (alert.Batch, error) {
	span := trace.StartOf(r, trace.PostAlerts)
	defer span.End()
	body, err := read(r)
	if err != nil {
		return alert.Batch{}, fmt.Errorf("read the posted alerts: %w", err)
	}
	batch, err := d.opts.Decoder.Decode(body, alert.Arrival{
		Now: d.opts.Now(), ResolveTimeout: d.resolveTimeout(),
	})
	if err != nil {
		return alert.Batch{}, err
	}
	d.received.WithLabelValues("firing", version).Add(float64(batch.Firing))
	d.received.WithLabelValues("resolved", version).Add(float64(batch.Resolved))
	d.invalid.WithLabelValues(version).Add(float64(len(batch.Invalid)))
	span.Number(trace.Alerts, len(batch.Alerts))
	span.Number(trace.Invalid, len(batch.Invalid))
	if len(batch.Invalid) > 0 {
		d.opts.Logger.Warn("Some of the posted alerts were refused", "refused", len(batch.Invalid),
			"taken", len(batch.Alerts), "from", r.RemoteAddr, "api", version, "err", batch.Invalid[0])
	}
	if len(batch.Alerts) > 0 {
		d.opts.Dispatcher.Post(batch.Alerts)
	}
	return batch, nil
}

func (d *Door) resolveTimeout() time.Duration {
	if c := d.opts.Config(); c != nil {
		return c.ResolveTimeout
	}
	return view.DefaultResolveTimeout
}

// firstRead is what is allocated for a body at once, whatever length it claims
// to have.
const firstRead = 1 << 20

// read is io.ReadAll with one allocation for a body of known, usual length.
func read(r *http.Request) ([]byte, error) {
	size := min(max(r.ContentLength, 0), firstRead)
	body := make([]byte, 0, size+1)
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// maxComplaints bounds how many of the refused alerts an answer speaks of.
const maxComplaints = 1000

// Complaint is what is wrong with the batch's invalid alerts, one a line, for
// the answer; empty if there are none.
func Complaint(b *alert.Batch) string {
	var out strings.Builder
	for i, err := range b.Invalid {
		if i == maxComplaints {
			fmt.Fprintf(&out, "\nand %d more", len(b.Invalid)-i)
			break
		}
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(err.Error())
	}
	return out.String()
}
