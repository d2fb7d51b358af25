package view

import "time"

// Config is what the HTTP side needs of the active configuration. It is made
// once per version, shared and immutable.
type Config struct {
	Rev uint64
	// Original is the configuration as YAML with all defaults filled in and
	// all secrets masked. It parses again.
	Original string
	// Receivers are in the configuration's order, those that no route uses
	// included.
	Receivers []Receiver
	// ResolveTimeout is how long after its arrival an alert without an end is
	// over.
	ResolveTimeout time.Duration
}

// DefaultResolveTimeout is Alertmanager's, for the time before the first
// configuration.
const DefaultResolveTimeout = 5 * time.Minute

// Receiver is a receiver of the configuration. Labels always hold its name.
type Receiver struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}
