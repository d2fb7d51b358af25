#!/bin/sh
# The data and the account stay, also after a purge: they are not the package's.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ] && [ -e /var/lib/tocsin ]; then
	echo "tocsin: /var/lib/tocsin holds this node's data and was kept"
fi
