#!/bin/sh
# Debian says "remove" or "upgrade VERSION", RPM how many versions are left.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now tocsin.service
	fi
	;;
esac
