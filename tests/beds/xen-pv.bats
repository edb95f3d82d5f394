# SPDX-License-Identifier: GPL-2.0-or-later
# The source `xen` and PV guests: their writes are logged by shadow paging alone, which Debian's Xen lacks and that of
# hv-patches has. (What Debian's says: xen.bats.)
# bed: xen-patched
load ../helper
load ../xen

PAGES=4000
MEMORY=24576 # pages of the guest

# `one` has a load until it is told to stop; then it tells its frames, as runs, and has a small load.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	xen_guest one -t pv -M 96 <<-JOB
		#!/bin/sh
		wss-load -P --frames=/tmp/frames '1s:${PAGES}w*1' &
		load=\$!
		read stop
		echo "VmPTE: \$(sed -n 's/^VmPTE:[^0-9]*\([0-9]*\) kB/\1/p' /proc/\$load/status)"
		kill -INT \$load
		wait \$load
		awk -F, 'NR > 1 { print \$3 }' /tmp/frames | sort -n |
			awk '\$1 != end { if (n) print "run", end - n, n; n = 0; end = \$1 } { n++; end++ } END { print "run", end - n, n }'
		echo frames: end
		wss-load -P '1s:300w*1'
	JOB
	until_said 240 xen_windows one 2
}

# trace ARGUMENT...: in the background, into t.csv, t.err, its number in $tracer.
trace() {
	wss-trace -v -P "$@" >t.csv 2>t.err 3>&- 4>&- &
	tracer=$!
	later_kill $tracer
}
ticks() { [ "$(grep -c ',tick,' t.csv)" -ge "$1" ]; }
# ends CODE: the tracer does.
ends() {
	local status=0
	wait $tracer || status=$?
	is $status "$1"
}
# Log-dirty mode is off: it can be turned on, without turning off first what wss-trace left on.
is_off() {
	wss-trace -v -s xen:one -p 10ms -n 1 -o off.gz 2>off.err
	! grep -q 'left on' off.err || { cat off.err >&2; return 1; }
}
# The guest goes on with its load. Once it was migrated, its console is another one's.
windows() { cat /var/log/xen/console/guest-one*.log | grep -c '^[0-9]*,'; }
lives() {
	local n
	n=$(windows)
	further() { [ "$(windows)" -ge $((n + 2)) ]; }
	until_said 120 further
}
# rows EVENT TRACE: its frames, sorted as text.
rows() { awk -F, -v e="$1" '$4 == e { for (i = 0; i < $6; i++) print $5 + i }' "$2" | sort -u; }
# whole TRACE: each page of `wrote` is in it, and little else.
whole() {
	is "$(comm -23 wrote <(rows write "$1") | wc -l)" 0
	between 0 "$(comm -13 wrote <(rows write "$1") | wc -l)" 1500
}
# walked TRACE PTES: its tables are frames of the guest, not its load's, at least as many as the load has.
walked() {
	rows table "$1" >tables
	between "$2" "$(wc -l <tables)" 600
	is "$(awk -v memory=$MEMORY '$1 >= memory' tables | wc -l)" 0
	is "$(comm -12 wrote tables | wc -l)" 0
}

@test "xen: each page that a PV guest writes is in the trace, its tables are found; SIGTERM turns the log off" {
	trace -s xen:one -p 1s
	until_said 120 ticks 1
	lives # a window is a pass over all pages; the second is whole
	until_said 120 ticks $(($(grep -c ',tick,' t.csv) + 1))
	kill -TERM $tracer
	ends 0
	is_off
	is "$(awk -F, '$4 == "size" { print $6 }' t.csv | sort -u)" $MEMORY
	is "$(column lost <t.csv | awk '{ n += $1 } END { print n + 0 }')" 0
	xen_tell one stop
	until_said 120 xen_said one 'frames: end'
	xen_console one | awk '$1 == "run" { for (i = 0; i < $3; i++) print $2 + i }' | sort >wrote
	is "$(wc -l <wrote)" $PAGES
	whole t.csv
	walked t.csv $(($(xen_console one | sed -n 's/^VmPTE: //p') / 4))
	lives
}

@test "xen: wss-trace of a PV guest is killed: --release turns the log off, another trace begins it anew" {
	trace -s xen:one -p 500ms
	until_said 120 ticks 2
	kill -KILL $tracer
	ends 137
	run ! is_off # which has turned it off
	is_off
	is "$(wss-trace --enable xen:one)" 'xen:one: 1 enabled'
	is "$(wss-trace --release xen:one)" 'xen:one: 1 released'
	is "$(wss-trace --release xen:one)" 'xen:one: 0 released'
	is_off
	lives
}

@test "xen: a migration of a PV guest that begins wins, and its guest lives on" {
	trace -s xen:one -p 500ms
	until_said 120 ticks 2
	xl migrate -s '' one 'xl migrate-receive' >migrate.out 2>&1 3>&- 4>&- &
	local migration=$!
	later_kill $migration
	ends 69
	is "$(tail -n 1 t.err)" 'wss-trace: one: a migration or another tracer has taken its log; tracing is over'
	wait $migration || { cat migrate.out >&2; return 1; }
	grep -q 'Migration successful' migrate.out
	lives
	is_off
}
