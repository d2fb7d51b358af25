// Package refusal says why a write was not taken, so that every HTTP surface
// answers it alike: 503, a sentence that names who leads (or that nobody does),
// and Retry-After.
//
// It owns the error type and its sentences. It knows neither Raft nor HTTP
// handlers: whoever adapts the cluster to httpapi wraps the cluster's errors in
// a Refusal, and the handlers only look for one.
package refusal
