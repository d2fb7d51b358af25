// Package client speaks to a node's HTTP API for the client commands.
//
// It owns the connection, the shapes of what the commands read and write, and
// the sentence that an error ends in: what went wrong and what to do next. It
// must not know how a command prints what it got.
package client
