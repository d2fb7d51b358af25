#!/bin/sh
# The account, before there are files that belong to it.
set -e
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers --replace=/usr/lib/sysusers.d/tocsin.conf - <<'END'
@SYSUSERS@
END
elif ! getent passwd tocsin >/dev/null; then
	getent group tocsin >/dev/null || groupadd --system tocsin
	useradd --system --gid tocsin --home-dir /var/lib/tocsin --no-create-home --shell /usr/sbin/nologin tocsin
fi
