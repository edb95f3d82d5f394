# SPDX-License-Identifier: GPL-2.0-or-later
# For tests in tests/beds/ with the line `# bed: xen` or `xen-patched`, loaded behind helper: they run in the dom0 of an
# emulated Xen (scripts/guest/dom0). Words for guests:
#   xen_guest NAME [-t pvh|hvm|pv] [-M MIB] [-c VCPUS] [-f FILE]... [-x LINE]... <JOB   starts one that runs the script;
#                         wss-load and FILEs are in /bin; LINEs go into its xl.cfg. One of type hvm has a device model
#                         (QEMU), and boots from its emulated disk, /dev/sda
#   xen_load NAME [the same options] -- ARGUMENT...     starts one that runs wss-load; two windows are over then
#   xen_frames NAME         ends its load and prints what wss-load --frames tells
#   xen_console NAME        prints what the guest said so far
#   xen_said NAME TEXT      true if it said this line; for until_said
#   xen_tell NAME TEXT      a line for its standard input
#   xen_id NAME, xen_destroy NAME

# until_said SECONDS COMMAND...: like until_true, for what takes a guest longer.
until_said() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || { echo "never came true: $*" >&2; return 1; }
		sleep 0.5 # looking takes time of the one processor that the guest has, too
	done
}

xen_id() { xl domid "$1"; }
xen_console() { tr -d '\r' <"/var/log/xen/console/guest-$1.log"; }
# xen_windows NAME N: true if its wss-load has told at least N windows.
xen_windows() { [ "$(xen_console "$1" | grep -c '^[0-9]*,')" -ge "$2" ]; }
xen_said() { xen_console "$1" | grep -qx -- "$2"; }
xen_tell() { echo "$2" >"$(xenstore-read "/local/domain/$(xen_id "$1")/console/tty")"; }

# xen_disk FILE KERNEL INITRD OPTIONS: a disk that boots Linux. QEMU itself would pass the guest a kernel byte by byte, which
# takes it half a minute in emulation; here GRUB reads it, without a file system, by DMA.
xen_disk() {
	local kernel=2048 initrd=32768 # sectors
	cat >"$1.grub" <<-END
		linux (hd0)$kernel+$((($(stat -Lc %s "$2") + 511) / 512)) $4
		initrd (hd0)$initrd+$((($(stat -Lc %s "$3") + 511) / 512))
		boot
	END
	grub-mkimage -O i386-pc -p / -c "$1.grub" -o "$1.core" biosdisk linux || return
	cat /usr/lib/grub/i386-pc/boot.img "$1.core" >"$1"
	dd if="$2" of="$1" bs=512 seek=$kernel conv=notrunc status=none
	dd if="$3" of="$1" bs=512 seek=$initrd conv=notrunc status=none
	truncate -s %1M "$1"
}

xen_guest() {
	local name=$1 work=$BATS_FILE_TMPDIR/$1.guest type=pvh mib=128 vcpus=1 xen option OPTIND=1
	local files=("$TOP/bin/wss-load") lines=() root=initrd
	local options='console=hvc0 quiet panic=-1 mitigations=off nokaslr cryptomgr.notests'
	shift
	while getopts t:M:c:f:x: option; do
		case $option in
		t) type=$OPTARG ;;
		M) mib=$OPTARG ;;
		c) vcpus=$OPTARG ;;
		f) files+=("$OPTARG") ;;
		x) lines+=("$OPTARG") ;;
		*) return 64 ;;
		esac
	done
	rm -rf "$work"
	mkdir -p "$work/bin"
	cat >"$work/job"
	chmod 755 "$work/job"
	cp "${files[@]}" "$work/bin/"
	xen=$("$TOP/scripts/guest/xen")
	[ "$type" != hvm ] || root='initrd-disk'
	{
		cat "$xen/$root"
		(cd "$work" && find job bin | cpio -o -H newc -R 0:0 --quiet)
	} >"$work.initrd"
	if [ "$type" = hvm ]; then
		# To look for old graphics bridges takes ten seconds, each question of it through QEMU. A panic is to be a crash
		# for Xen, not a reboot.
		xen_disk "$work.disk" "$("$TOP/scripts/guest/kernel" amd64)/vmlinuz" "$work.initrd" \
			"$options pci=noearly xen_emul_unplug=never xen_legacy_crash" || return
		lines+=("disk = ['format=raw, backendtype=qdisk, vdev=hda, target=$work.disk']" 'hdtype = "ahci"')
	else
		lines+=("kernel = '$xen/vmlinux'" "ramdisk = '$work.initrd'" "cmdline = '$options'")
	fi
	cat >"$work.cfg" <<-END
		name = "$name"
		type = "$type"
		memory = $mib
		vcpus = $vcpus
		on_reboot = "destroy"
		on_crash = "destroy"
		$(printf '%s\n' "${lines[@]}")
	END
	: >"/var/log/xen/console/guest-$name.log" # of one of this name before
	xl create -q "$work.cfg" >&2 3>&- 4>&- # it stays, to watch the guest; bats would wait for it
}

xen_load() {
	local name=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	xen_guest "$name" "${options[@]}" <<-JOB
		#!/bin/sh
		wss-load -P --frames=/tmp/frames $* &
		load=\$!
		read stop
		kill -INT \$load
		wait \$load
		cat /tmp/frames
		echo frames: end
		read stop
	JOB
	until_said 120 xen_windows "$name" 2
}

xen_frames() {
	xen_tell "$1" stop
	until_said 120 xen_said "$1" 'frames: end'
	xen_console "$1" | sed -n '/^t_ns,vaddr_page,/,/^frames: end/{/^frames: end/!p}'
}

xen_destroy() { xl destroy "$1"; }
