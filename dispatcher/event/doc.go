// Package event writes down what happens, as the configuration's key
// event_recorder asks: to files, webhooks, Kafka or standard output, each event a
// line of JSON, in Alertmanager's form.
//
// It owns the making of events; Alertmanager's package eventrecorder queues them
// (8192 at most, more are dropped and counted) and writes them in the background,
// so nobody ever waits for an output. It must not decide anything: it is told.
//
// A nil *Recorder records nothing and costs a comparison. As in Alertmanager the
// key needs the feature event-recorder.
package event
