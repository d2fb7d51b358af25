#!/usr/bin/env bash
# Installs what the end-to-end tests drive: Prometheus, Alertmanager (for
# amtool), a mail server, a load balancer, and the tools that cut networks and
# break disks. Does something only as root on Debian or its kin; elsewhere it
# says which tests will be skipped.
set -euo pipefail

# package, and a program that it brings
wanted='
prometheus prometheus
prometheus-alertmanager amtool
iproute2 ip
nftables nft
exim4-daemon-light exim4
haproxy haproxy
strace strace
e2fsprogs mkfs.ext4
util-linux fsfreeze
systemd-container systemd-nspawn
mmdebstrap mmdebstrap
rpm rpm
strace strace
e2fsprogs mkfs.ext4
'

PATH=$PATH:/usr/sbin:/sbin
missing=()
while read -r package program; do
	if [[ -n $package ]] && ! command -v "$program" >/dev/null; then
		missing+=("$package")
	fi
done <<<"$wanted"
here=$(dirname "${BASH_SOURCE[0]}")
if [[ ${#missing[@]} -eq 0 ]]; then
	if [[ $EUID -eq 0 ]]; then "$here/machine-image.sh"; fi
	exit 0
fi

if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
	echo "setup: not installed: ${missing[*]}"
	echo "setup: not root on Debian, so the tests that need them will be SKIPPED"
	exit 0
fi

# Installed services must not start: their ports belong to the tests.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT
fi

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -qq -y --no-install-recommends "$@" >/dev/null; }
install "${missing[@]}" || { apt-get update -qq && install "${missing[@]}"; }
"$here/machine-image.sh"
