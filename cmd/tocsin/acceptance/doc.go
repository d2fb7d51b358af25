// Package acceptance holds the black-box tests: they run the real binary and
// look at it from outside only, through its command line, its standard error,
// its HTTP API, Debian's amtool, and the notifications that its receivers get.
//
// They hold the server to what users of Alertmanager rely on (each behaviour that
// Alertmanager's own acceptance suite names, but with strict windows of time and
// strict contents), to how it treats broken input, files and disks, and to what
// it promises beyond Alertmanager.
//
// The package has no code of its own besides its tests; package rig drives the
// server. With TOCSIN_TEST_ARGV=prometheus-alertmanager the same tests run
// against an Alertmanager, which shows that the tests themselves are right; what
// that version cannot do is skipped there and says so. What is skipped because a
// tool or root is missing fails when CI=true or TOCSIN_REQUIRE_ALL=1.
package acceptance
