// Package cli is the command tree of tocsin: the server, the demonstration,
// and the client commands that speak to a node's HTTP API.
//
// It owns names, arguments, tables and exit codes. It must not know how a node
// works, nor how an answer travels: that is app's and client's.
//
// Exit codes of the client commands: 0 for done, 1 for a refusal or a failure,
// 2 for a command line that makes no sense. The server exits with 1 for every
// failure, its command line included, as Alertmanager does. For config plan 2
// means that something changes, and 1 all that went wrong.
package cli
