#!/usr/bin/env bash
# Runs a command in a network of its own that has nothing but loopback: ports
# cannot collide with other programs, and no test can reach the outside. Needs
# root; without it the command runs in the machine's network, and the tests
# that build networks are skipped.
set -euo pipefail

if [[ $EUID -ne 0 ]] || ! unshare --net true 2>/dev/null; then
	echo "isolate: cannot make a network namespace (not root?): tests that cut networks will be SKIPPED"
	exec "$@"
fi
if command -v apt-get >/dev/null; then
	export TOCSIN_REQUIRE_ALL=1 # setup.sh has installed all of it: a test that skips has found a hole
fi
exec unshare --net bash -c 'ip link set lo up && exec "$@"' isolate "$@"
