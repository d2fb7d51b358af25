#!/bin/sh
# Debian says "configure OLD-VERSION", RPM how many versions there are now.
set -e
case "$1:$2" in
configure:) upgrade= ;;
configure:* | [2-9]:*) upgrade=1 ;;
abort-*) exit 0 ;;
*) upgrade= ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if [ -n "$upgrade" ]; then
		systemctl try-restart tocsin.service || echo "tocsin does not run with the new version, see: journalctl -u tocsin" >&2
	fi
fi
if [ -z "$upgrade" ]; then
	echo "Tocsin is not started yet: a node alone would be a cluster of its own. On each machine:"
	echo "  tocsin install --bootstrap-expect 3 --peers HOST,HOST,HOST"
	echo "or, on one machine only: tocsin install"
fi
