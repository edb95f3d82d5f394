# SPDX-License-Identifier: GPL-2.0-or-later
# Page tables of guests, and their changes of address space, in the dom0 of Debian's Xen.
# bed: xen
load ../helper
load ../xen

PAGES=4096

# The guest `one` tells, when asked, what it knows of its load's page tables, and its frames; then it has another load.
# Beside it modules come and go, for which Linux flushes all translations. `pv` lists its frames.
setup_file() {
	export BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	xen_guest one -f "$("$TOP/scripts/guest/kernel" amd64)"/lib/modules/*/kernel/lib/crc7.ko <<-JOB
		#!/bin/sh
		wss-load -P --frames=/tmp/frames '1s:${PAGES}w*1' &
		load=\$!
		(while sleep 0.5; do insmod /bin/crc7.ko; rmmod crc7; done) &
		read tell
		echo "VmPTE: \$(sed -n 's/^VmPTE:[^0-9]*\([0-9]*\) kB/\1/p' /proc/\$load/status)"
		read stop
		kill -INT \$load
		wait \$load
		cat /tmp/frames
		echo frames: end
		wss-load -P '1s:100w*1'
	JOB
	xen_load pv -t pv -M 96 -- 1s:1000w*1
	until_said 120 xen_windows one 2
}

teardown_file() { xen_destroy pv; }

# trace ARGUMENT...: in the background, into t.csv, t.err, its number in $tracer.
trace() {
	wss-trace -P "$@" >t.csv 2>t.err 3>&- &
	tracer=$!
	later_kill $tracer
}
reader() { pgrep -P $tracer; }
# ends CODE: the tracer does.
ends() {
	local status=0
	wait $tracer || status=$?
	is $status "$1"
}
# count EVENT: rows so far. comes N EVENT: there are N.
count() { grep -c ",$1," t.csv; }
has_rows() { [ "$(count "$2")" -ge "$1" ]; }
comes() { until_said 120 has_rows "$@"; }
# The guest goes on with its load: two more windows.
windows() { xen_console one | grep -c '^[0-9]*,'; }
lives() { until_said 120 xen_windows one $(($(windows) + 2)); }
# Nothing is left on: there is no mark, and another may watch the guest.
is_off() {
	is "$(find /run -name 'wss-trace.cr3-*')" ''
	wss-trace -s 'xen:one?cr3=1' -p 10ms -n 1 -o off.gz
}
# tables PERIOD, written PERIOD: the frames of these events in that period of t.csv, sorted as text.
frames_of() {
	awk -F, -v event="$1" -v period="$2" '
		$4 == "tick" { ticks++ }
		$4 == event && ticks + 1 == period { for (i = 0; i < $6; i++) print $5 + i }' t.csv | sort
}

# walk NAME N: what the page tables map that the processor uses now; it has N pages of a user's space at least.
walk() {
	"$BUILD/helpers/xen-walk" "$1" 1 >walk
	[ "$(awk -F, '$1 == "page" && $2 < 34359738368' walk | wc -l)" -ge "$2" ]
}
# frames_agree NAME N: the walk found the N pages of its load at their frames, and those are no tables.
frames_agree() {
	xen_frames "$1" | sed 1d >frames
	is "$(wc -l <frames)" "$2"
	is "$(awk -F, 'NR == FNR { if ($1 == "page") at[$2] = $3; next } at[$2] != $3' walk frames | wc -l)" 0
	awk -F, '$1 == "table" { for (i = 0; i < $3; i++) print $2 + i }' walk | sort >tables
	between 10 "$(wc -l <tables)" 400
	is "$(cut -d, -f3 frames | sort | comm -12 - tables | wc -l)" 0
}

@test "xen: a period's table rows are the guest's page tables, and wss-count drops what was written of them" {
	trace -s xen:one -p 1s -n 3
	ends 0
	[ ! -s t.err ]
	until_said 120 walk one $PAGES
	awk -F, '$1 == "table" { for (i = 0; i < $3; i++) print $2 + i }' walk | sort >walked
	local period dropped
	for period in 1 2 3; do
		frames_of table $period >tables
		frames_of write $period >written
		is "$(uniq -d tables | wc -l)" 0
		# All that the load's space has, which the processor used at some time since.
		[ $period -lt 3 ] || is "$(comm -13 tables walked | wc -l)" 0
		dropped=$(comm -12 tables written | wc -l)
		between 1 "$dropped" "$(wc -l <tables)"
		is "$(wss-count -P t.csv | grep -v ',one,,[0-9]' | column pages | sed -n ${period}p)" $(($(wc -l <written) - dropped))
	done
}

@test "xen: tables=N reads so many in a period and goes on in the next; tables=0 none" {
	trace -s 'xen:one?tables=9' -p 100ms -n 25
	ends 0
	# 60 tables or more are read to find 100 or more: that takes 7 periods.
	between 9 "$(frames_of table 1 | wc -l)" 50
	# Processes come and go meanwhile: the pages that one of their given-back tables maps now are no tables, in no period.
	local most
	most=$(for period in {1..25}; do frames_of table "$period" | wc -l; done | sort -n | tail -1)
	between 100 "$most" 250
	trace -s 'xen:one?tables=0' -p 100ms -n 2
	ends 0
	is "$(count table)" 0
	run --separate-stderr -64 wss-trace -s 'xen:one?tables=many' -P
	stderr_is "wss-trace: source xen: tables=many: need a whole number; try 'wss-trace --help'"
}

@test "xen: a walk finds every page of the load at its frame, and as many tables for them as the guest says" {
	until_said 120 walk one $PAGES
	xen_tell one tell
	until_said 120 xen_said one 'VmPTE: [0-9]*'
	# A table for each part of 2 MiB, 1 GiB, 512 GiB that has pages.
	is "$(awk -F, '$1 == "page" && $2 < 34359738368 {
			for (level = 1; level <= 3; level++) {
				part = level " " int($2 / 512 ^ level)
				if (!(part in seen)) { seen[part]; n++ }
			}
		} END { print 4 * n }' walk)" "$(xen_console one | sed -n 's/^VmPTE: //p')"
	frames_agree one $PAGES
	lives
}

@test "xen: a PV guest's tables, with frame numbers of the host, lead to the guest's frames" {
	until_said 120 walk pv 1000
	frames_agree pv 1000
}

@test "xen: cr3=1 tells changes of address space and flushes, in order; SIGTERM undoes it" {
	trace -s 'xen:one?cr3=1' -p 2s
	comes 2 tick
	comes 5 cr3
	comes 1 flush
	is "$(find /run -name 'wss-trace.cr3-*' | wc -l)" 1
	kill $tracer
	ends 0
	[ ! -s t.err ]
	is "$(sed 1d t.csv | cut -d, -f1 | sort -nc 2>&1)" ''
	is "$(awk -F, '$4 == "cr3" || $4 == "flush" { if ($3 != 0 || $7 % 4096 || $5 $6 != "") print }' t.csv)" ''
	# More than one space; a flush is of the one that the processor has.
	awk -F, '$4 == "cr3" && !seen[$7]++ { n++ } END { exit n < 2 }' t.csv
	is "$(awk -F, '$4 == "cr3" { now = $7 } $4 == "flush" && now && $7 != now' t.csv)" ''
	# Not only the space that the processor has at the end is walked: already in the first period the roots of others are
	# tables. (Not all are: those of programs that have ended may hold anything.)
	between 2 "$(comm -12 <(frames_of table 1) \
		<(awk -F, '$4 == "tick" { exit } $4 == "cr3" { print $7 / 4096 }' t.csv | sort -u) | wc -l)" 100
	is_off
	lives
}

@test "xen: wss-trace is killed while it watches changes of address space: the guest goes on, nothing is left on" {
	trace -s 'xen:one?cr3=1' -p 500ms
	comes 2 tick
	kill -KILL $tracer
	ends 137
	until_said 120 is_off
	lives
}

@test "xen: its reader is killed: another one goes on, and what was missed counts as lost" {
	trace -s 'xen:one?cr3=1' -p 500ms
	comes 2 tick
	kill -KILL "$(reader)"
	until_said 120 grep -q 'was killed; another one goes on' t.err
	comes $(($(count tick) + 2)) tick
	local told
	told=$(count cr3)
	comes $((told + 3)) cr3
	kill $tracer
	ends 0
	between 1 "$(column lost <t.csv | awk '{ n += $1 } END { print n + 0 }')" 100000
	is_off
	lives
}

@test "xen: both are killed: the guest stands still until --release" {
	trace -s 'xen:one?cr3=1' -p 500ms
	comes 2 tick
	kill -KILL $tracer "$(reader)"
	ends 137
	# It does as long as a processor of it is held: its time does not go on.
	stands() {
		local before
		before=$(xl list one | awk 'NR == 2 { print $6 }')
		sleep 2
		is "$(xl list one | awk 'NR == 2 { print $6 }')" "$before"
	}
	until_said 120 stands
	run --separate-stderr -0 wss-trace --release xen:one
	stdout_is 'xen:one: 2 released'
	lives
	run --separate-stderr -0 wss-trace --release xen:one
	stdout_is 'xen:one: 0 released'
	is_off
}

@test "xen: two cannot watch one guest; a guest that is destroyed leaves nothing behind" {
	trace -s 'xen:one?cr3=1' -p 500ms --max-overhead 0%
	comes 1 tick
	run --separate-stderr -69 wss-trace -s 'xen:one?cr3=1' -P -p 10ms -n 1
	stderr_is 'wss-trace: xen:one: a wss-trace traces it already'
	run --separate-stderr -69 wss-trace --release xen:one
	stderr_is 'wss-trace: xen:one: a wss-trace traces it already'
	# They took nothing from the first one.
	comes $(($(count tick) + 2)) tick
	comes $(($(count cr3) + 3)) cr3
	xen_destroy one
	ends 69
	file_is t.err 'wss-trace: one: it was destroyed'
	until_said 120 run -1 xl domid one
	is "$(xl list | grep -c null)" 0
	is "$(find /run -name 'wss-trace.cr3-*')" ''
}
