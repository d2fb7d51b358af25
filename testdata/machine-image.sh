#!/usr/bin/env bash
# Makes the root folder of the machines that cmd/tocsin/machines boots: the same
# Debian as this machine's, from the same mirrors. Does nothing if it is there.
set -euo pipefail

image=${TOCSIN_MACHINE_IMAGE:-/var/cache/tocsin-test/machine}
packages=systemd,systemd-sysv,dbus,iproute2,ca-certificates,curl,ufw,firewalld,rpm
if [[ "$(cat "$image/etc/tocsin-image" 2>/dev/null)" == "$packages" ]]; then
	exit 0
fi

# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
sources=()
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
	if [[ -s $f ]]; then sources+=("$f"); fi
done
echo "machine-image: making $image (once, a minute or two)"
rm -rf "$image.new"
mkdir -p "$(dirname "$image")"
# Only one firewall runs on a machine: the tests choose which.
mmdebstrap --quiet --variant=minbase --include="$packages" \
	--customize-hook='chroot "$1" systemctl disable -q ufw firewalld' \
	--customize-hook="echo '$packages' >\"\$1/etc/tocsin-image\"" \
	"$codename" "$image.new" "${sources[@]}"
rm -rf "$image"
mv "$image.new" "$image"
