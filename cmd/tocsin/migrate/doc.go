// Package migrate says what changes when an Alertmanager is replaced by Tocsin:
// what stays the same, what will be different, what is to be done first, and what
// is in the way.
//
// It owns reading a running Alertmanager (Look) and judging what was read
// (Judge). It changes nothing, on either side, and starts nothing. It must not
// know tables or exit codes, which are the command line's.
package migrate
