// Package trace tells OpenTelemetry how long a notification took where: from a
// post of alerts over the tick of a group and its claim to the send.
//
// It owns the names of spans and attributes and the connection to Alertmanager's
// package tracing, which reads the configuration's key of that name and keeps the
// exporter. It must not know what a group or a claim is.
//
// While nothing is traced a Span is nil: all its methods take that, none of them
// allocates then, and what would be an attribute need not be worked out
// (Span.On). Spans never hold up what they measure: they are exported in the
// background, and dropped where that is too slow.
package trace
