package trace

import (
	"context"
	"net/http"
	"time"

	upstream "github.com/prometheus/alertmanager/tracing"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	tracesdk "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// The names of the spans.
const (
	PostAlerts = "post alerts"
	FlushGroup = "flush group"
	Deliver    = "deliver"
	Claim      = "claim"
	Send       = "send"
)

// The names of the attributes.
const (
	Alerts      = "tocsin.alerts"
	Invalid     = "tocsin.alerts.invalid"
	GroupKey    = "tocsin.group_key"
	Receiver    = "tocsin.receiver"
	Integration = "tocsin.integration"
	DeliveryID  = "tocsin.delivery_id"
	Reason      = "tocsin.reason"
	Degraded    = "tocsin.degraded"
	Granted     = "tocsin.granted"
	Tries       = "tocsin.tries"
)

// tracer makes spans once a Manager has been given somewhere to send them.
var tracer = upstream.NewTracer("tocsin")

// Span is a piece of work that takes time; nil while nothing is traced. It
// belongs to one goroutine, its children to any.
type Span struct {
	span oteltrace.Span
	ctx  context.Context
}

// Start begins a span below parent, which may have ended, or a trace of its own if
// parent is nil.
func Start(parent *Span, name string) *Span {
	ctx := context.Background()
	if parent != nil {
		ctx = parent.ctx
	}
	return start(ctx, name)
}

// StartAt begins a trace with a span that began earlier.
func StartAt(began time.Time, name string) *Span {
	if !exporting() {
		return nil
	}
	return start(context.Background(), name, oteltrace.WithTimestamp(began))
}

// StartOf begins a span below the one that a request's headers name, if they do.
func StartOf(r *http.Request, name string) *Span {
	ctx := r.Context()
	if exporting() && r.Header.Get("Traceparent") != "" {
		ctx = otel.GetTextMapPropagator().Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	return start(ctx, name)
}

// exporting reports whether there is somewhere to send spans: then the provider is
// the SDK's. The tracer alone would allocate to say no.
func exporting() bool {
	_, ok := otel.GetTracerProvider().(*tracesdk.TracerProvider)
	return ok
}

func start(ctx context.Context, name string, opts ...oteltrace.SpanStartOption) *Span {
	if !exporting() {
		return nil
	}
	ctx, span := tracer.Start(ctx, name, opts...)
	if !span.SpanContext().IsValid() {
		return nil
	}
	return &Span{span, ctx}
}

// On reports whether attributes are worth working out.
func (s *Span) On() bool { return s != nil && s.span.IsRecording() }

// Text, Number and Flag set attributes.
func (s *Span) Text(name, value string) {
	if s.On() {
		s.span.SetAttributes(attribute.String(name, value))
	}
}

// Number sets a number.
func (s *Span) Number(name string, value int) {
	if s.On() {
		s.span.SetAttributes(attribute.Int(name, value))
	}
}

// Flag sets a truth.
func (s *Span) Flag(name string, value bool) {
	if s.On() {
		s.span.SetAttributes(attribute.Bool(name, value))
	}
}

// Failed marks the span as failed. The text must not hold a secret.
func (s *Span) Failed(text string) {
	if s.On() {
		s.span.SetStatus(codes.Error, text)
	}
}

// End ends it. A span may have children after its end.
func (s *Span) End() {
	if s != nil {
		s.span.End()
	}
}

// With is ctx with the span: Alertmanager's HTTP clients make a child of it and
// name that to the receiver.
func (s *Span) With(ctx context.Context) context.Context {
	if s == nil {
		return ctx
	}
	return oteltrace.ContextWithSpan(ctx, s.span)
}
