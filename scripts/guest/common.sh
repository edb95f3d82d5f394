# SPDX-License-Identifier: GPL-2.0-or-later
# Read by the scripts of this folder: where downloads are kept, how to complain, and as which user guests run.
# shellcheck shell=sh

me=${0##*/}
# shellcheck disable=SC2034 # for those that read this
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/wss-tools

fail() {
	echo "guest $me: $*" >&2
	exit 69
}

need() {
	for program; do
		command -v "$program" >/dev/null || fail "no $program here; 'make deps' names the package"
	done
}

# Guests of libvirt never run as root: its session mode, which needs no configuration, is for ordinary users only.
# The groups are those that open /dev/kvm.
# Replaces the shell it is called in: ( become_guest_user COMMAND... ).
become_guest_user() {
	if [ "$(id -u)" != 0 ]; then
		exec "$@"
	elif [ -e /dev/kvm ] && [ "$(stat -c %g /dev/kvm)" != 0 ]; then
		exec setpriv --reuid=65534 --regid=65534 --groups="$(stat -c %g /dev/kvm)" "$@"
	else
		exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	fi
}

own_by_guest_user() {
	if [ "$(id -u)" = 0 ]; then chown -R 65534:65534 "$@"; fi
}
