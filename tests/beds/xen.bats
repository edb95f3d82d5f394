# SPDX-License-Identifier: GPL-2.0-or-later
# The source `xen` in the dom0 of Debian's Xen: PVH guests that write pages which they list, a PV guest, and what becomes of
# guests and logs when somebody is killed, or a guest is migrated, saved, paused, destroyed, or crashes.
# bed: xen
load ../helper
load ../xen

PAGES=8000 # 32000 KiB, every two seconds

# The guest `one` is idle until it is told to begin; `two` has a small load from the start; `pv` only is there.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	xen_guest one -M 160 <<-JOB
		#!/bin/sh
		echo ready
		read begin
		wss-load -P -p 2s --frames=/tmp/frames '2s:${PAGES}w*1' &
		load=\$!
		read stop
		kill -INT \$load
		wait \$load
		# As runs: thousands of lines take the console long.
		awk -F, 'NR > 1 && \$4 == 1 { print \$3 }' /tmp/frames | sort -n |
			awk '\$1 != end { if (n) print "run", end - n, n; n = 0; end = \$1 } { n++; end++ } END { print "run", end - n, n }'
		echo frames: end
		read stop
	JOB
	xen_guest two -M 96 <<-JOB
		#!/bin/sh
		echo 1 >/proc/sys/kernel/sysrq
		wss-load -P '1s:300w*1'
	JOB
	again pv two 's/pvh/pv/'
	xl pause pv
	until_said 180 xen_said one ready
	until_said 180 xen_windows two 2
}

# again NAME GUEST [EDIT]: starts another one like that guest.
again() {
	sed "s/^name = .*/name = \"$1\"/; ${3:-}" "$BATS_FILE_TMPDIR/$2.guest.cfg" >"$1.cfg"
	xl create -q "$1.cfg" >&2 3>&- 4>&-
}
# trace ARGUMENT...: in the background, into t.csv, t.err, its number in $tracer.
trace() {
	wss-trace -v -P --max-overhead 0% "$@" >t.csv 2>t.err 3>&- 4>&- &
	tracer=$!
	later_kill $tracer
}
# rows N EVENT [VM]: that there are N; for until_said.
rows() { [ "$(awk -F, -v e="$2" -v vm="${3:-}" '$4 == e && (vm == "" || $2 == vm)' t.csv | wc -l)" -ge "$1" ]; }
comes() { until_said 120 rows "$@"; }
# ends CODE: the tracer does, by itself or of a signal.
ends() {
	local status=0
	wait $tracer || status=$?
	is $status "$1"
}
# Log-dirty mode is off, says the hypervisor: it can be turned on, without turning off first what wss-trace left on.
is_off() {
	wss-trace -v -s "xen:$1" -p 10ms -n 1 -o off.gz 2>off.err
	! grep -q 'left on' off.err || { cat off.err >&2; return 1; }
}
# The load of two goes on. Once it was migrated, its console is another one's.
windows() { cat /var/log/xen/console/guest-two*.log | grep -c '^[0-9]*,'; }
lives() {
	local n
	n=$(windows)
	further() { [ "$(windows)" -ge $((n + 2)) ]; }
	until_said 120 further
}
# written TRACE: its frames, sorted as text.
written() { awk -F, '$4 == "write" { for (i = 0; i < $6; i++) print $5 + i }' "$1" | sort -u; }
# estimate TRACE: the working set of all its periods together in KiB, as the pipeline says it.
estimate() { wss-count -w 1h --partial <"$1" | wss-estimate -m threshold:1 | column wss_kib; }

@test "xen: --probe and the list say how; by name, number and UUID" {
	wss-trace >list
	grep -A1 '^works *xen:DOMAIN' list | grep -q "the hypervisor's log-dirty mode: by write faults"
	local name
	for name in one "$(xen_id one)" "$(xl list -v one | awk 'NR == 2 { print $(NF - 2) }')"; do
		run --separate-stderr -0 wss-trace --probe "xen:$name"
		is "$(grep -E '^(target|source|how|intrusive) ' <<<"$output")" "target      one
source      xen
how         the hypervisor's log-dirty mode: by write faults, or by the processor (PML)
intrusive   write-protects the domain's memory and pauses it for a moment each period; splits its large pages"
		is "$(sed -n '/^cannot see/,/^memory/p' <<<"$output" | head -n -1)" $'cannot see  reads\n            the order within a period'
	done
	is_off one # the probe has touched nothing
}

@test "xen: each of 8000 pages that a guest writes is in the trace, and little else; the estimate is within 3 % of the truth" {
	local noise idle_kib kib periods passes
	xen_tell one begin
	until_said 120 xen_windows one 2
	trace -s xen:one -p 1s
	comes 1 tick
	passes=$(xen_console one | grep -c ',32000,32000$')
	more_passes() { [ "$(xen_console one | grep -c ',32000,32000$')" -ge $((passes + 2)) ]; } # the second is whole
	until_said 120 more_passes
	kill -INT $tracer
	ends 0
	mv t.csv busy.csv
	xen_tell one stop
	until_said 120 xen_said one 'frames: end'
	xen_console one | awk '$1 == "run" { for (i = 0; i < $3; i++) print $2 + i }' | sort >wrote
	is "$(wc -l <wrote)" $PAGES
	periods=$(grep -c ',tick,' busy.csv)
	wss-trace -P -s xen:one -p 1s -n "$periods" >idle.csv
	written busy.csv >seen
	is "$(comm -23 wrote seen | wc -l)" 0
	noise=$(comm -13 wrote seen | wc -l)
	kib=$(estimate busy.csv) idle_kib=$(estimate idle.csv)
	echo "# in $periods periods of 1 s: $noise pages of the guest's own, $((idle_kib / 4)) when idle; $kib KiB for 32000" >&3
	between 0 "$noise" 400
	between 31040 $((kib - idle_kib)) 32960
	cp busy.csv t.csv
	is "$(awk -F, '$4 == "size" { print $6, $7 }' t.csv | sort -u)" '40960 40960'
	is "$(awk -F, '$4 == "blind" { print $7 }' t.csv)" 5
}

# Debian's Xen has no shadow paging since 4.17.7, and PV guests cannot be traced; before, they can. `all`: what xen:all traces.
has_shadow() { xl info | grep '^virt_caps' | grep -qw shadow; }
all() { { printf '%s\n' "$@"; ! has_shadow || echo pv; } | sort | xargs; }

@test "xen: a PV guest is refused in one sentence where the hypervisor has no shadow paging, and traced where it has" {
	local probe
	for probe in '-n 1 -P -s' --probe; do
		# shellcheck disable=SC2086 # several options
		if has_shadow; then
			wss-trace $probe xen:pv >/dev/null
		else
			run --separate-stderr -69 wss-trace $probe xen:pv
			stderr_is 'wss-trace: xen:pv: a PV guest: its writes are logged by shadow page tables alone, which this hypervisor was built without (as Debian'"'"'s); run the guest as PVH or HVM'
		fi
	done
	! has_shadow || is_off pv
}

@test "xen: dom0 and none are refused in one sentence; all the others are traced by xen:all, as they come and go" {
	run --separate-stderr -69 wss-trace -s xen:0 -n 1 -P
	stderr_is 'wss-trace: xen:0: dom0 cannot trace itself'
	run --separate-stderr -66 wss-trace -s xen:none -n 1 -P
	stderr_is "wss-trace: xen:none: no such domain; 'xl list' shows those that run"
	trace -s xen:all -p 500ms
	comes 2 tick one
	comes 2 tick two
	has_shadow || is "$(grep -c 'xen:pv: a PV guest' t.err)" 1
	run --separate-stderr -69 wss-trace -s xen:two -n 1 -P
	stderr_is 'wss-trace: xen:two: a wss-trace traces it already'
	again late two
	comes 2 tick late
	xl destroy late
	comes 1 end late
	grep -qx 'wss-trace: late: it was destroyed' t.err
	local n
	n=$(awk -F, '$4 == "tick" && $2 == "two"' t.csv | wc -l)
	comes $((n + 2)) tick two
	kill -TERM $tracer
	ends 0
	is "$(awk -F, '$4 == "begin" || $4 == "end" { n[$4]++ } END { print n["begin"], n["end"] }' t.csv)" "$(has_shadow && echo '4 4' || echo '3 3')"
	is "$(wss-count <t.csv | column vm | sort -u | xargs)" "$(all late one two)"
	is_off one
	is_off two
}

@test "xen: after SIGTERM, SIGHUP and a reader that goes away the log is off, after SIGKILL --release turns it off; the guest lives" {
	local signal
	for signal in TERM HUP; do
		trace -s xen:two -p 300ms
		comes 2 tick
		kill -$signal $tracer
		ends 0
		is_off two
	done
	wss-trace -P -s xen:two -p 300ms | head -n 4 >head.csv
	is_off two
	trace -s xen:two -p 300ms
	comes 2 tick
	kill -KILL $tracer
	ends 137
	run ! is_off two # which has turned it off
	is_off two
	trace -s xen:two -p 300ms
	comes 2 tick
	run --separate-stderr -69 wss-trace --release xen:two
	stderr_is 'wss-trace: xen:two: a wss-trace traces it already'
	kill -KILL $tracer
	ends 137
	is "$(wss-trace --release xen:two)" 'xen:two: 1 released'
	is "$(wss-trace --release xen:two)" 'xen:two: 0 released'
	is_off two
	lives
}

@test "xen: --enable leaves the log on, a trace begins it anew and turns it off, --release does; of all, too" {
	is "$(wss-trace --enable xen:two)" 'xen:two: 1 enabled'
	wss-trace -v -s xen:two -p 10ms -n 1 -o t.gz 2>t.err
	grep -q "domain $(xen_id two): log-dirty mode was left on by another wss-trace; it begins anew" t.err
	is_off two
	is "$(wss-trace --enable xen:two)" 'xen:two: 1 enabled'
	is "$(wss-trace --release xen:all 2>t.err)" 'xen:all: 1 released'
	has_shadow || grep -q 'warning: xen:pv: a PV guest' t.err
	is_off two
}

@test "xen: two domains at once, one is paused and then destroyed; the only one destroyed is 69" {
	trace -s xen:one -s b=xen:two -p 500ms
	comes 2 tick b
	xl pause two
	local n
	n=$(awk -F, '$4 == "tick" && $2 == "b"' t.csv | wc -l)
	comes $((n + 3)) tick b
	# what two wrote in its last two periods
	is "$(awk -F, '$2 == "b" { if ($4 == "tick") { last = now; now = 0 } else if ($4 == "write") now++ } END { print last + 0, now + 0 }' t.csv)" '0 0'
	xl unpause two
	lives
	kill -TERM $tracer
	ends 0
	again gone two
	trace -s xen:one -s xen:gone -p 500ms
	comes 2 tick gone
	xl destroy gone
	comes 1 end gone
	comes 2 tick one
	kill -TERM $tracer
	ends 0
	again gone two
	trace -s xen:gone -p 500ms
	comes 2 tick gone
	xl destroy gone
	ends 69
	is "$(tail -n 1 t.err)" 'wss-trace: gone: it was destroyed'
	is "$(tail -n 1 t.csv | cut -d, -f4)" end
}

@test "xen: a migration that begins wins, and its guest lives on; while it runs, others are refused; a save ends tracing too" {
	trace -s xen:two -p 500ms
	comes 2 tick
	xl migrate -s '' two 'xl migrate-receive' >migrate.out 2>&1 3>&- 4>&- &
	local migration=$!
	later_kill $migration
	ends 69
	is "$(tail -n 1 t.err)" 'wss-trace: two: a migration or another tracer has taken its log; tracing is over'
	# all that it may have written meanwhile: its memory
	is "$(awk -F, '$4 == "tick" { lost = $8 } END { print lost }' t.csv)" 24576
	run --separate-stderr -69 wss-trace -s xen:two -n 1 -P
	stderr_is 'wss-trace: xen:two: its log-dirty mode is on: it is being migrated, or another tracer is at work; try again when that is over'
	is "$(wss-trace --release xen:two)" 'xen:two: 0 released'
	wait $migration || { cat migrate.out >&2; return 1; }
	grep -q 'Migration successful' migrate.out
	lives
	is_off two
	trace -s xen:two -p 500ms
	comes 2 tick
	xl save -c two image >save.out 2>&1 3>&- 4>&-
	ends 69
	is "$(tail -n 1 t.err)" 'wss-trace: two: it was suspended, to be saved or migrated'
	lives
	is_off two
}

@test "xen: a guest that has crashed, has a device passed through or is a stub domain is refused; populating on demand is told" {
	local id
	id=$(xen_id two)
	# As xenstore tells of them.
	xenstore-write "/local/domain/0/backend/pci/$id/0/state" 4
	run --separate-stderr -69 wss-trace -s xen:two -n 1 -P
	stderr_is 'wss-trace: xen:two: a device is passed through to it: what that writes cannot be logged, so Xen refuses; detach it first'
	xenstore-rm "/local/domain/0/backend/pci/$id"
	xenstore-write "/local/domain/$id/target" 9
	run --separate-stderr -0 wss-trace -s xen:all -f 300ms -P
	grep -qx 'wss-trace: warning: xen:two: a stub domain: it works for another one; name it to trace it' <<<"$stderr"
	is "$(column vm <<<"$output" | sort -u | xargs)" "$(all one)"
	is_off two
	xenstore-rm "/local/domain/$id/target"
	# Without a root its kernel panics.
	again crash two 's/^ramdisk.*//; s/^on_crash.*/on_crash = "preserve"/'
	again pod two 's/^memory.*/memory = 96\nmaxmem = 128/'
	run --separate-stderr -0 wss-trace -s xen:pod -n 1 -o t.gz
	[[ $stderr =~ ^'wss-trace: warning: pod: '[1-9][0-9]*' pages are still to be populated on demand: their first touch counts as a write, be it a read'$ ]]
	is "$(gzip -dc t.gz | awk -F, '$4 == "size" { print $6 }')" 32768
	xl destroy pod
	crashed() { xl list crash | grep -q ' [-a-z]*c[-a-z]* '; }
	until_said 120 crashed
	run --separate-stderr -66 wss-trace -s xen:crash -n 1 -P
	stderr_is 'wss-trace: xen:crash: it crashed'
	run --separate-stderr -66 wss-trace --probe xen:crash
	xl destroy crash
}

@test "xen: a guest that crashes in mid-trace ends its part of the trace, with the reason; the other's goes on" {
	local n
	trace -s xen:one -s xen:two -p 500ms
	comes 2 tick two
	xl sysrq two c
	comes 1 end two
	grep -qxE 'wss-trace: two: it (crashed|was destroyed)' t.err # its toolstack destroys it soon
	n=$(awk -F, '$4 == "tick" && $2 == "one"' t.csv | wc -l)
	comes $((n + 2)) tick one
	kill -TERM $tracer
	ends 0
	is "$(awk -F, '$4 == "end" { print $2 }' t.csv | xargs)" 'two one'
}

# This bed's processor is AMD's; tests/beds/xen-pml.bats runs some of this file with the patched hypervisor too.
@test "xen-pml: a hypervisor without the patches, or a processor without PML, is told in one sentence" {
	local why="this hypervisor keeps no raw PML log; it needs the patches in hv-patches/xen-4.17 of wss-tools (its README says how); 'xen' works without them"
	[ -z "${WSS_PATCHED:-}" ] ||
		why="this processor has no page-modification logging (PML), or Xen was started with ept=no-pml; 'xen' works without it"
	run --separate-stderr -69 wss-trace -s xen-pml:0 -n 1 -o t.gz
	stderr_is "wss-trace: xen-pml:0: $why"
	wss-trace | grep -A1 '^not here *xen-pml:' | grep -qxF "                            $why"
}
