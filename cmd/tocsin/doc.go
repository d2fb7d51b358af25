// Command tocsin is the whole program: the server, the three-node demonstration
// and the client commands.
//
// This folder owns what only the program as a whole can own: the command line
// (flags, cli), the wiring of the packages into a node (app), and the tests
// that look at the tree from above, such as the import rules. It must not know
// how any package does its work: a rule about alerts, claims or the log that
// appears here is in the wrong place.
package main
