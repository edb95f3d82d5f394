# SPDX-License-Identifier: GPL-2.0-or-later
# The source `libvirt` on one real guest of an unmodified QEMU, first idle, then writing 10,240 pages that it lists. What
# takes guests through more is in beds/libvirt.bats.
# bats file_tags=slow
load helper
load guests

setup_file() {
	libvirt_up
	[ -z "$GUEST_CANNOT" ] || return 0
	# Three passes a second: in any window of 2 s each page is written, also where the guest is held up.
	guest_define web -M 256 -p wss.state -p wss.truth -p wss.frames -p wss.told <<-'JOB'
		#!/bin/sh
		cd /dev/virtio-ports
		load() {
			wss-load -P "$@" >wss.truth &
			read go <wss.told
			kill -INT $!
			wait $!
		}
		load 1s:10240w@0
		echo busy >wss.state
		load 1s:10240w*3 --frames=/tmp/frames
		cat /tmp/frames >wss.frames
		echo listed >wss.state
		sleep 1000
	JOB
	vir start web
}

teardown_file() { libvirt_down; }

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	need_guests
}

@test "libvirt: what cannot be traced is refused in one sentence" {
	run --separate-stderr -66 wss-trace -s "libvirt:none?uri=$URI" -n 1 -P
	stderr_is "wss-trace: libvirt:none: no such domain; 'virsh list' shows those that run"
	sed 's/<name>web/<name>off/' <(vir dumpxml --inactive web | grep -v '<uuid>') >off.xml
	vir define off.xml
	run --separate-stderr -66 wss-trace -s "libvirt:off?uri=$URI" -n 1 -P
	stderr_is 'wss-trace: libvirt:off: it does not run; start it first'
	run --separate-stderr -69 wss-trace -s 'libvirt:web?uri=qemu+unix:///session?socket=/none' -n 1 -P
	stderr_is "wss-trace: libvirt:web: libvirt at qemu+unix:///session?socket=/none does not answer: Failed to connect socket to '/none': No such file or directory"
	run --separate-stderr -69 wss-trace -s 'libvirt:test?uri=test:///default' -n 1 -P
	stderr_is 'wss-trace: libvirt:test: not a virtual machine of QEMU; there may be another source for it'
	run --separate-stderr -64 wss-trace -s 'libvirt:web?url=x' -n 1 -P
	stderr_is "wss-trace: -s libvirt: unknown option 'url=x'; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -s 'libvirt:web?tables=x' -n 1 -P
	stderr_is "wss-trace: -s libvirt: tables: bad value 'x': need a whole number; try 'wss-trace --help'"
}

@test "libvirt: --probe says how, how intrusive, what is hidden and how much memory" {
	run --separate-stderr -0 wss-trace --probe "libvirt:web?uri=$URI"
	is "$(grep -E '^(target|source|memory)' <<<"$output")" $'target      web\nsource      libvirt\nmemory      256MiB'
	grep -q '^cannot see  reads$' <<<"$output"
	run ! grep -q 'DMA\|frame numbers' <<<"$output"
}

@test "libvirt: each of 10,240 pages that a guest writes is seen under its frame number, and little else" {
	local n extra=0 idle=0
	until_said 60 lines "$LV/web.wss.truth" 3
	wss-trace -s "libvirt:web?uri=$URI" -p 2s -n 2 -P >idle.csv
	guest_tell web
	until_said 60 has_line "$LV/web.wss.state" busy
	n=$(wc -l <"$LV/web.wss.truth")
	until_said 60 lines "$LV/web.wss.truth" $((n + 2)) # its memory is there and a window is over
	wss-trace -s "libvirt:web?uri=$URI&tables=1000" -p 2s -n 2 -P >busy.csv
	guest_tell web
	until_said 60 has_line "$LV/web.wss.state" listed
	frames "$LV/web.wss.frames" >frames
	is "$(wc -l <frames)" 10240
	for n in 1 2; do
		written busy.csv $n >seen
		is "$(comm -23 frames seen | wc -l)" 0
		between 0 "$(comm -13 frames seen | wc -l)" 1499
		extra=$((extra + $(comm -13 frames seen | wc -l)))
		idle=$((idle + $(written idle.csv $n | wc -l)))
	done
	# what is more than the load is what the guest writes when idle, by a fifth more or less
	between $((idle * 8 / 10)) $extra $((idle * 12 / 10))
	# 256 MiB, no balloon in use; reads and the order are hidden, frame numbers and DMA are not
	is "$(grep ,size, busy.csv | cut -d, -f6,7 | sort -u)" 65536,65536
	is "$(grep ,blind, busy.csv | cut -d, -f7)" 5
	# Page tables: at least 20 for the load's pages and as many for the kernel, when they are asked for.
	awk -F, '$4 == "table" { for (i = 0; i < ($6 == "" ? 1 : $6); i++) print $5 + i }' busy.csv | sort -u >tables
	between 40 "$(wc -l <tables)" 1000
	is "$(comm -12 frames tables | wc -l)" 0
	is "$(grep -c ,table, idle.csv)" 0
}
