// Package e2e holds the end-to-end tests: three real servers on three hosts, a
// real Prometheus that fires and resolves rules, a real mail server (exim, with
// STARTTLS and a password), a real HAProxy, cables that are cut, and disks, clocks
// and processes that are broken (see package fault).
//
// The hosts are network namespaces on a bridge. The tests run in a network
// namespace of their own, into which they start themselves anew, and refuse to
// run in one that has a default route: an address that they dial must lead to
// nobody else. They need root, iproute2 and the programs that they drive; what is
// missing is named, and fails where everything is required (see package rig).
//
// The package has no code besides its tests.
package e2e
