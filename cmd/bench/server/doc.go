// Package server runs the servers that are measured: Tocsin or Alertmanager, as
// child processes on loopback addresses with data in temporary folders.
//
// It owns how a server is started, found, asked for its peers, watched through
// /proc, and stopped. It must not know what is measured. It signals only the
// processes that it started, and every one of them ends before Stop returns.
package server
