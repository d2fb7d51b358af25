// Package rig drives the real server from outside: it builds the binary, starts
// and ends processes, grows clusters, records what receivers are told, and runs
// scenarios on a time line.
//
// It knows the server only by its command line, its standard error, its HTTP
// API and the requests that it makes. It imports nothing of ours, so that it can
// be pointed at any server with Alertmanager's command line (see EnvArgv) to
// prove that the tests themselves are right.
//
// A scenario is strict: every notification that arrives must be one that was
// wanted, in its window of time, with exactly the wanted alerts, statuses, start
// and end times, labels and annotations; every wanted one must arrive; and
// nothing else may arrive until the scenario's end.
//
// Processes that the rig starts die with the test (parent death signal), and are
// only ever ended by their own process ID.
package rig
