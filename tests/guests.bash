# SPDX-License-Identifier: GPL-2.0-or-later
# For tests with guests under libvirt, loaded behind helper: a private libvirt for the whole file, and words for it.
# setup_file calls libvirt_up, teardown_file libvirt_down, setup need_guests.

libvirt_up() {
	export GUEST_CANNOT='' LV='' URI=''
	{ "$TOP/scripts/guest/kernel" cloud && command -v libvirtd virsh qemu-system-x86_64; } >/dev/null ||
		{ GUEST_CANNOT='no kernel, libvirt or QEMU for a guest'; return 0; }
	wss-trace --probe process:$$ >/dev/null ||
		{ GUEST_CANNOT='no asynchronous userfaultfd and PAGEMAP_SCAN; needs Linux 6.7'; return 0; }
	LV=$("$TOP/scripts/guest/libvirt" start)
	URI=$(cat "$LV/uri")
}

libvirt_down() {
	[ -z "$LV" ] || "$TOP/scripts/guest/libvirt" stop "$LV"
}

need_guests() {
	[ -z "$GUEST_CANNOT" ] || cannot "$GUEST_CANNOT"
}

vir() { virsh -q -c "$URI" "$@"; }

# guest_define NAME [-k FLAVOUR] [-M MIB] [-p PORT]... <JOB: a guest that runs the script on standard input. It has wss-load.
# Its port wss.told, if it has one, is read there, and guest_tell NAME sends a line to it.
guest_define() {
	local name=$1 flavour=cloud work
	shift
	[ "${1:-}" != -k ] || { flavour=$2; shift 2; }
	work=$(mktemp -d)
	cat >"$work/job"
	"$TOP/scripts/guest/initrd" -k "$flavour" -f "$TOP/bin/wss-load" -j "$work/job" -o "$work/initrd"
	"$TOP/scripts/guest/domain" -d "$LV" -n "$name" -k "$flavour" -i "$work/initrd" "$@" >"$work/xml"
	[ -z "${edit_xml:-}" ] || sed -i "$edit_xml" "$work/xml"
	if grep -q "'wss.told'" "$work/xml"; then
		sed -i "/'wss.told'/s/type='file'/type='pipe'/" "$work/xml"
		mkfifo -m 666 "$LV/$name.wss.told.in" "$LV/$name.wss.told.out"
	fi
	vir define "$work/xml"
	rm -rf "$work"
}

guest_tell() { echo go >"$LV/$1.wss.told.in"; }
qemu_pid() { cat "$LV/run/libvirt/qemu/run/$1.pid"; }

# has_line FILE TEXT: what a guest said on a port; it ends lines with \r\n.
has_line() { tr -d '\r' <"$1" | grep -qx -- "$2"; }
# lines FILE N: at least N.
lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }
# until_said SECONDS COMMAND...: like until_true, for what takes a guest longer.
until_said() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || { echo "never came true: $*" >&2; return 1; }
		sleep 0.1
	done
}

# frames FILE: the frame numbers of wss-load --frames, sorted as text.
frames() { tr -d '\r' <"$1" | awk -F, 'NR > 1 { print $3 }' | sort; }
# written TRACE PERIOD [VM]: the frames written in that period of a trace, sorted as text.
written() {
	awk -F, -v period="$2" -v vm="${3:-}" '
		vm != "" && $2 != vm { next }
		$4 == "tick" { ticks++ }
		$4 == "write" && ticks + 1 == period { for (i = 0; i < $6; i++) print $5 + i }' "$1" | sort
}
