# SPDX-License-Identifier: GPL-2.0-or-later
# The source `xen` and an HVM guest, which has a device model (QEMU) with an emulated graphics card and disk, in the dom0 of
# Debian's Xen.
# bed: xen
load ../helper
load ../xen

PAGES=2000      # that its processor writes each second
DISK_PAGES=2000 # that its disk writes when asked

# The guest has a load until it is told to stop; it tells its frames, as runs, and then is told when to read its disk.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	xen_guest one -t hvm -f "$BUILD/helpers/disk-read" <<-JOB
		#!/bin/sh
		echo 1 >/proc/sys/kernel/sysrq
		wss-load -P --frames=/tmp/frames '1s:${PAGES}w*1' &
		load=\$!
		read stop
		kill -INT \$load
		wait \$load
		awk -F, 'NR > 1 && \$4 == 1 { print \$3 }' /tmp/frames | sort -n |
			awk '\$1 != end { if (n) print "run", end - n, n; n = 0; end = \$1 } { n++; end++ } END { print "run", end - n, n }'
		echo frames: end
		until [ -e /dev/sda ]; do sleep 0.1; done
		disk-read /dev/sda $DISK_PAGES
	JOB
	until_said 240 xen_windows one 2
}

# trace ARGUMENT...: in the background, into t.csv, t.err, its number in $tracer.
trace() {
	wss-trace -v -P --max-overhead 0% "$@" >t.csv 2>t.err 3>&- 4>&- &
	tracer=$!
	later_kill $tracer
}
ticks() { grep -c ',tick,' t.csv; }
has_ticks() { [ "$(ticks)" -ge "$1" ]; }
more_ticks() { until_said 60 has_ticks $(($(ticks) + $1)); }
# ends CODE: the tracer does.
ends() {
	local status=0
	wait $tracer || status=$?
	is $status "$1"
}
# Log-dirty mode is off: it can be turned on, without turning off first what wss-trace left on.
is_off() {
	wss-trace -v -s "xen:$1" -p 10ms -n 1 -o off.gz 2>off.err
	! grep -q 'left on' off.err || { cat off.err >&2; return 1; }
}
# frames WORD: those in the runs that it told with that word; written FIRST LAST: those of t.csv in these periods. Sorted as text.
frames() { xen_console one | awk -v word="$1" '$1 == word { for (i = 0; i < $3; i++) print $2 + i }' | sort; }
written() {
	awk -F, -v first="$1" -v last="$2" '
		$4 == "write" && n + 1 >= first && n < last { for (i = 0; i < $6; i++) print $5 + i }
		$4 == "tick" { n++ }' t.csv | sort -u
}
# Its load has told so many windows more.
more_windows() { until_said 120 xen_windows one $(($(xen_console one | grep -c '^[0-9]*,') + $1)); }
# Its disk is read, and the period is over.
read_disk() {
	local n
	n=$(xen_console one | grep -cx ready)
	another() { [ "$(xen_console one | grep -cx ready)" -gt "$n" ]; }
	xen_tell one read
	until_said 60 another
	more_ticks 1
}
# qemu_logs true|false: it tells Xen what it writes, as libxl asks it to while a domain is migrated.
qemu_logs() {
	python3 - "/run/xen/qmp-libxl-$(xen_id one)" "$1" <<-'END'
		import socket, sys
		link = socket.socket(socket.AF_UNIX)
		link.connect(sys.argv[1])
		link.sendall(b'{"execute": "qmp_capabilities"}')
		link.sendall(b'{"execute": "xen-set-global-dirty-log", "arguments": {"enable": %s}}' % sys.argv[2].encode())
		lines = link.makefile()
		answers = [lines.readline() for i in range(3)] # of which the first is a greeting
		if answers[1].strip() + answers[2].strip() != '{"return": {}}' * 2: sys.exit("".join(answers))
	END
}

@test "xen: each of 2000 pages that an HVM guest writes is in the trace, and little else; after SIGTERM the log is off and the guest lives" {
	local noise
	trace -s xen:one -p 1s
	more_ticks 1
	more_windows 3 # two of them are whole
	more_ticks 1
	kill -TERM $tracer
	ends 0
	is_off one
	more_windows 2
	xen_tell one stop
	until_said 120 xen_said one 'frames: end'
	frames run >wrote
	is "$(wc -l <wrote)" $PAGES
	written 1 "$(ticks)" >seen
	is "$(comm -23 wrote seen | wc -l)" 0
	noise=$(comm -13 wrote seen | wc -l)
	echo "# in $(ticks) periods of 1 s: $noise pages of the guest's own" >&3
	between 0 "$noise" 400
	is "$(awk -F, '$4 == "blind" { print $7 }' t.csv)" 7 # reads, order, DMA
	is "$(awk -F, '$4 == "size" && ($6 != 32768 || $7 > $6)' t.csv)" ''
}

@test "xen: what an HVM guest's disk writes is not in the trace, as the blind event says, and all of it is while QEMU logs its writes" {
	local n
	until_said 120 xen_said one ready
	frames frames >disk
	is "$(sort -u disk | wc -l)" $DISK_PAGES
	trace -s xen:one -p 500ms
	more_ticks 1
	read_disk
	n=$(ticks)
	qemu_logs true
	read_disk
	qemu_logs false
	kill -TERM $tracer
	ends 0
	written 1 "$n" >seen
	is "$(comm -12 disk seen | wc -l)" 0
	written $((n + 1)) "$(ticks)" >seen
	is "$(comm -23 disk seen | wc -l)" 0
	echo "# with its $DISK_PAGES pages: $(comm -13 disk seen | wc -l) others" >&3
}

@test "xen: an HVM guest that crashes in mid-trace ends it, with the reason" {
	trace -s xen:one -p 500ms
	more_ticks 2
	xl sysrq one c
	ends 69
	# Its toolstack destroys it soon.
	is "$(tail -n 1 t.err | sed -E 's/(crashed|was destroyed)$//')" 'wss-trace: one: it '
	is "$(tail -n 1 t.csv | cut -d, -f2,4)" one,end
}
