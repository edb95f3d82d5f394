# SPDX-License-Identifier: GPL-2.0-or-later
# The source `process`, on live processes. The writer (tests/helpers/writer.c) does what it is told between two ticks.
load helper

# setup_file cannot skip each test by itself.
need_uffd() {
	wss-trace --probe process:$$ >/dev/null || cannot "no asynchronous userfaultfd and PAGEMAP_SCAN; needs Linux 6.7"
}

# writer [COMMAND...]: starts it, by way of a command; $pid is its number.
writer() {
	coproc WRITER { exec "$@" "$BUILD/helpers/writer"; }
	later_kill "$WRITER_PID"
	hear
	pid=${ans#ok }
}
hear() { read -t 60 -r -u "${WRITER[0]}" ans; }
# tell WORDS...: a command, and its answer in $ans, its numbers in $at and $pages.
tell() {
	echo "$*" >&"${WRITER[1]}"
	hear && [ "${ans%% *}" = ok ]
	read -r _ at pages <<<"$ans"
}

# trace [COMMAND...]: wss-trace on the writer, into t.csv; returns when the first period is over.
trace() {
	"$@" wss-trace -v -s "w=process:$pid${options:-}" -p 20ms -P --max-overhead 0% >t.csv 2>t.err 3>&- &
	tracer=$!
	later_kill "$tracer"
	ticks 1
}
rows() { [ "$(grep -c ',tick,' t.csv)" -ge "$1" ]; }
# ticks N: N more of them come.
ticks() { until_true rows "$(($(grep -c ',tick,' t.csv) + $1))" || { cat t.err >&2; return 1; }; }
stop_trace() {
	kill -INT "$tracer"
	wait "$tracer"
}
# Forgets what was traced so far (the file is appended to by nobody but wss-trace: lines are marked instead).
mark() {
	ticks 1
	marked=$(wc -l <t.csv)
}
# written FROM PAGES: the frames FROM..FROM+PAGES that were written since the mark, one a line.
written() {
	tail -n +"$((marked + 1))" t.csv | awk -F, -v from="$1" -v end="$(($1 + $2))" '
		$4 == "write" { for (g = $5; g < $5 + $6; g++) if (g >= from && g < end) seen[sprintf("%.0f", g)] }
		END { for (g in seen) print g }' | sort -n
}
# All of them, anywhere.
total() { tail -n +"$((marked + 1))" t.csv | awk -F, '$4 == "write" { n += $6 } END { print n + 0 }'; }
# found FROM PAGES: every one of these was written since the mark. Two ticks: what happened before the first is in the second.
found() {
	ticks 2
	diff <(seq "$1" "$(($1 + $2 - 1))") <(written "$1" "$2") | head >&2
	is "$(written "$1" "$2" | wc -l)" "$2"
}
# shellcheck disable=SC2010 # the names are links: what they point to is asked for
no_descriptor() { ! ls -l "/proc/$pid/fd" | grep -q userfaultfd; }

@test "process: exactly the pages that were written are found, and few of anything else" {
	need_uffd
	writer
	tell map a 64
	tell write a 0 8192
	trace
	marked=0
	between 0 "$(total)" 64 # what was written before does not count
	mark
	tell write a 100 6000 3
	ticks 2
	# 2000 pages: every third from 100. What else there is: stack, heap and data of stdio in the writer.
	same <(seq "$at" 3 "$((at + 5999))") <(written "$((at - 100))" 16384)
	between 2000 "$(total)" 2064
	mark
	tell read a 0 16384
	ticks 2
	between 0 "$(total)" 64
	stop_trace
	no_descriptor
	is "$(column event <t.csv | tail -1)" end
}

# bats test_tags=slow
@test "process: all pages that wss-load says it wrote are found, and those that it reads are not" {
	need_uffd
	# Every 100 ms 4000 pages are written and others read; a period is 300 ms.
	wss-load '100ms:4000w*1+50' --also '100ms:3000r*1' --frames frames.csv -P >truth.csv 3>&- &
	pid=$!
	later_kill "$pid"
	until_true grep -q . truth.csv
	wss-trace -s "process:$pid" -p 300ms -P -n 6 --max-overhead 0% >t.csv
	kill -INT "$pid"
	wait "$pid"
	awk -F, '$4 == 1 { print $2 }' frames.csv | sort >wrote
	awk -F, '$4 == "write" { for (g = $5; g < $5 + $6; g++) n[sprintf("%.0f", g)] } END { for (g in n) print g }' t.csv | sort >seen
	is "$(wc -l <wrote)" 4000
	is "$(comm -23 wrote seen | wc -l)" 0
	# Its counters, stack and buffers.
	between 0 "$(comm -13 wrote seen | wc -l)" 64
}

# bats test_tags=slow
@test "process: new, grown, moved and replaced memory is followed" {
	need_uffd
	writer
	tell map a 4
	tell write a 0 1024
	trace
	mark
	tell map b 8
	tell write b 0 100
	found "$at" 100
	mark
	tell write b 500 100
	found "$at" 100
	mark
	tell grow b 64
	tell write b 10000 100
	found "$at" 100
	mark
	tell map a 4 again
	tell write a 0 10
	found "$at" 10
	mark
	tell write a 600 10
	found "$at" 10
	mark
	tell brk 2
	found "$at" "$pages"
	mark
	tell stack 1024
	found "$at" 1
	mark
	tell data
	found "$at" 16
	found "$pages" 16
	mark
	tell map s 4 shared
	tell write s 0 50
	found "$at" 50
	stop_trace
}

@test "process: a forked child is not followed, and the parent stays exact" {
	need_uffd
	writer
	tell map a 16
	tell write a 0 4096
	trace
	tell fork 2000
	mark
	tell write a 3000 500
	found "$at" 500
	is "$(written "$((at - 3000))" 4096 | wc -l)" 500
	stop_trace
	pkill -P "$pid"
}

# bats test_tags=slow
@test "process: giving memory back is not taken for writing" {
	need_uffd
	writer
	tell map a 128
	tell write a 0 32768
	trace
	mark
	tell drop a 0 16384
	ticks 2
	between 0 "$(total)" 199
	mark
	tell write a 100 50
	found "$at" 50
	between 50 "$(total)" 114
	stop_trace
}

@test "process: 256 GiB that are hardly used cost no page tables and no time" {
	need_uffd
	writer
	tell map a 262144 sparse
	tell write a 0 2048
	tell write a 40000000 2048
	tell vmpte
	before=$at
	trace
	ticks 5
	mark
	tell write a 40000100 77
	found "$at" 77
	tell vmpte
	stop_trace
	between 0 "$((at - before))" 1023
	us=$(sed -n 's/.* looks, \([0-9]*\) us each.*/\1/p' t.err)
	between 0 "$us" 999
}

@test "process: huge pages are split for an exact trace, and are back afterwards" {
	need_uffd
	grep -q '\[never\]' /sys/kernel/mm/transparent_hugepage/enabled && cannot "transparent huge pages are off"
	writer
	tell map a 64 huge
	tell write a 0 16384
	tell huge
	is "$at" 65536
	trace
	mark
	tell write a 0 16384 1024
	ticks 2
	same <(for i in {0..15}; do echo "$((at + 1024 * i))"; done) <(written "$at" 16384)
	tell huge
	is "$at" 32768
	stop_trace
	tell huge
	is "$at" 65536
	grep -q '16 huge pages were split, 16 of them are back' t.err
}

# bats test_tags=slow
@test "process: as another user, and of a process without any right" {
	need_uffd
	[ "$(id -u)" = 0 ] || cannot "needs root to become somebody else"
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs)
	writer "${nobody[@]}"
	tell map a 64
	for who in root nobody; do
		tell write a 0 8192
		# shellcheck disable=SC2046 # several words
		trace $([ $who = root ] || echo "${nobody[@]}")
		mark
		tell write a 1000 5000
		found "$at" 5000
		between 5000 "$(total)" 5064
		stop_trace
	done
	# Without CAP_SYS_NICE huge pages stay as they are: told, and left to the kernel.
	if ! grep -q '\[never\]' /sys/kernel/mm/transparent_hugepage/enabled; then
		tell map b 4 huge
		tell write b 0 1024
		trace "${nobody[@]}"
		tell write b 0 1024
		ticks 2
		stop_trace
		grep -qx "wss-trace: warning: process $pid: 2 huge pages stay split: Operation not permitted; needs CAP_SYS_NICE" t.err
	fi
	run --separate-stderr -77 "${nobody[@]}" wss-trace -s process:$$ -P -n 1
	stderr_is "wss-trace: process:$$: may not trace process $$; needs CAP_SYS_PTRACE, or the same user$([ ! -d /proc/sys/kernel/yama ] || echo ' and kernel.yama.ptrace_scope=0')"
}

# bats test_tags=slow
@test "process: one that makes no system calls, one with threads, and one that is stopped" {
	need_uffd
	writer
	tell map a 4
	echo "spin 5000" >&"${WRITER[1]}" # it spins all the time, also where tracing begins late
	trace
	mark
	found "$at" 1
	hear
	is "$ans" ok
	stop_trace
	no_descriptor
	tell threads 4
	trace
	mark
	tell write a 100 100
	found "$at" 100
	stop_trace
	kill -STOP "$pid"
	until_true grep -q '^State:.T' "/proc/$pid/status"
	trace
	grep -q '^State:.T' "/proc/$pid/status"
	stop_trace
	kill -CONT "$pid"
	tell rss
}

# bats test_tags=slow
@test "process: attaching neither disturbs a wait nor loses a signal's place" {
	need_uffd
	writer
	tell map a 4
	echo 'epoll 500' >&"${WRITER[1]}"
	wss-trace -P -s "process:$pid" -p 10ms -n 1 >t.csv
	hear
	is "$ans" 'ok 0'
	tell alarm 300
	for i in {1..20}; do
		wss-trace -P -s "process:$pid" -p 1ms -n 1 >t.csv
		tell write a 0 10
		no_descriptor
	done
	tell alarm 0
}

@test "process: a target that does not stop at once, as on a busy machine, is waited for" {
	need_uffd
	writer
	tell map a 4
	echo 'vfork 700' >&"${WRITER[1]}"
	until_true grep -q '^State:.D' "/proc/$pid/status"
	wss-trace -P -s "process:$pid" -p 20ms -n 1 >t.csv
	hear
	is "$ans" ok
	no_descriptor
}

@test "process: several at once; one that ends does not end the others" {
	need_uffd
	writer
	first=$pid
	sleep 1000 3>&- &
	other=$!
	later_kill "$other"
	until_true grep -qx sleep "/proc/$other/comm"
	wss-trace -s "w=process:$first" -s "o=process:$other" -p 20ms -P -n 10 --max-overhead 0% >t.csv 3>&- &
	tracer=$!
	until_true grep -q ',o,,tick,' t.csv
	kill "$other"
	wait "$tracer"
	is "$(grep -c ',w,,tick,' t.csv)" 10
	is "$(awk -F, '$2 == "o" { print $4 }' t.csv | tail -1)" end
	between 1 "$(grep -c ',o,,tick,' t.csv)" 10
	run --separate-stderr -64 wss-trace -s "w=process:$first" -s "w=process:$$" -P -n 1
	stderr_is "wss-trace: two targets are called 'w'; give one another name: -s NAME=process:$first; try 'wss-trace --help'"
}

# bats test_tags=slow
@test "process: periods grow until the target keeps its speed, and the ticks tell" {
	need_uffd
	# 16,000 pages written in each 20 ms: more than 2 % at any cost over 25 ns a page. The writer writes at full speed.
	writer
	tell map a 64
	tell write a 0 16384
	echo "spin 2500 16000" >&"${WRITER[1]}"
	wss-trace -s "w=process:$pid" -p 20ms -P -n 4 >t.csv 2>t.err
	hear
	is "$(awk -F, '$4 == "tick" { print $7 }' t.csv | uniq)" 20000000
	# The periods after the first are at least twice as long.
	awk -F, '$4 == "begin" { last = $1 } $4 == "tick" { printf "%.0f\n", ($1 - last) / 1e6; last = $1 }' t.csv >real_ms
	between 40 "$(tail -1 real_ms)" 5000
	grep -q '^wss-trace: warning: w: tracing costs it about .* the period grows to ' t.err
}

# bats test_tags=slow
@test "process: --period auto is short for an idle target, and as long as a busy one needs" {
	need_uffd
	wss-load -P 1s:0w > idle.truth 3>&- & later_kill $!
	local idle=$! busy tracer
	wss-load -P 1s:40000w@4000000 > busy.truth 3>&- & later_kill $!
	busy=$!
	until_true grep -q 160000 busy.truth
	# 100 ms is enough for nothing. 40,000 first writes at 100 ns or more are 4 ms: at 1 % that is 400 ms at least.
	wss-trace -s "idle=process:$idle" -p auto --max-overhead=20% -P > idle.csv 3>&- &
	tracer=$!
	later_kill $tracer
	until_true grep -q ',tick,,,100000000,' idle.csv
	kill -INT $tracer
	wait $tracer
	wss-trace -s "busy=process:$busy" -p auto --max-overhead=1% -f 3s -P > busy.csv 2> err
	is "$(awk -F, '$4 == "tick" { print $7 }' idle.csv | sed -n '1p;$p' | xargs)" "800000000 100000000"
	between 400000000 "$(awk -F, '$4 == "tick" { last = $7 } END { print last }' busy.csv)" 102400000000
	is "$(awk -F, '$4 == "tick" && ($7 % 100000000 || $7 < 100000000)' busy.csv)" ''
	is "$(cat err)" ''
}

@test "process: a filter that kills for a userfaultfd does not get to see it" {
	need_uffd
	[ "$(id -u)" = 0 ] || cannot "needs root to suspend a filter"
	writer setpriv --reuid=65534 --regid=65534 --clear-groups
	tell map a 4
	tell filter
	is "$at" 0
	run --separate-stderr -77 setpriv --reuid=65534 --regid=65534 --clear-groups wss-trace -P -s "process:$pid" -n 1
	stderr_is "wss-trace: process:$pid: process $pid runs under a seccomp filter, which may kill it for a userfaultfd; needs CAP_SYS_ADMIN"
	trace
	mark
	tell write a 0 100
	found "$at" 100
	stop_trace
}

# bats test_tags=slow
@test "process: what cannot be traced is said in one line" {
	need_uffd
	writer
	run --separate-stderr -66 wss-trace -P -s process:4194305 -n 1
	stderr_is 'wss-trace: process:4194305: no process 4194305'
	run --separate-stderr -64 wss-trace -P -s process:x -n 1
	stderr_is "wss-trace: process: bad PID 'x': need the number of a process"
	run --separate-stderr -64 wss-trace -P -s "process:$pid?mechanism=magic" -n 1
	stderr_is "wss-trace: process:$pid: no mechanism 'magic'; there are uffd, soft-dirty and idle"
	if [ "$(id -u)" = 0 ]; then
		run --separate-stderr -66 wss-trace -P -s process:2 -n 1
		stderr_is 'wss-trace: process:2: process 2 is a kernel thread'
	fi
	trace
	run --separate-stderr -69 wss-trace -P -s "process:$pid" -n 1
	stderr_is "wss-trace: process:$pid: another tracer, or a background snapshot, holds process $pid"
	mark
	tell map a 4
	tell write a 0 100
	found "$at" 100
	stop_trace
	strace -qq -o /dev/null -p "$pid" 3>&- &
	debugger=$!
	later_kill "$debugger"
	until_true grep -q "^TracerPid:.$debugger" "/proc/$pid/status"
	run --separate-stderr -69 wss-trace -P -s "process:$pid" -n 1
	stderr_is "wss-trace: process:$pid: process $pid is being debugged by process $debugger"
}

@test "process: one that ends, or runs another program, ends the trace" {
	need_uffd
	writer
	tell map a 4
	trace
	mark
	tell write a 0 100
	found "$at" 100
	kill "$pid"
	code=0
	wait "$tracer" || code=$?
	is "$code" 69
	is "$(tail -1 t.err)" 'wss-trace: w: the process has ended'
	is "$(column event <t.csv | tail -1)" end
	writer
	trace
	echo exec >&"${WRITER[1]}"
	code=0
	wait "$tracer" || code=$?
	is "$code" 69
	is "$(tail -1 t.err)" 'wss-trace: w: the process runs another program now'
}

@test "process: soft-dirty bits are used only where a try shows that they work" {
	need_uffd
	writer
	options='?mechanism=soft-dirty'
	run --separate-stderr wss-trace -P -s "process:$pid$options" -n 1
	if [ "$status" = 69 ]; then
		[[ $stderr == "wss-trace: process:$pid: soft-dirty: "*'; needs CONFIG_MEM_SOFT_DIRTY' ]]
		return
	fi
	tell map a 16
	trace
	mark
	tell write a 100 2000
	found "$at" 2000
	stop_trace
}

# traced: somebody holds the writer right now.
traced() { ! grep -q '^TracerPid:.0$' "/proc/$pid/status"; }

# bats test_tags=slow
@test "process: SIGKILL of wss-trace at any step leaves nothing, and the process does not notice" {
	need_uffd
	writer
	tell map a 4
	# While the helper holds the thread: each of its calls is held up for 0.3 s, or for longer where that was too short for us.
	during=0
	held_or_over() { traced || ! kill -0 "$strace"; }
	for call in ptrace:{2..19} pidfd_getfd:1; do
		for delay_us in 300000 3000000; do
			strace -f -qq -o s.log -e trace=ptrace,pidfd_getfd \
				-e "inject=${call%:*}:delay_enter=$delay_us:when=${call#*:}" \
				wss-trace -s "process:$pid" -p 50ms -P -n 1 >t.csv 2>t.err 3>&- &
			strace=$!
			later_kill "$strace"
			until_true held_or_over
			pkill -KILL -P "$strace" wss-trace || :
			held=no
			! traced || held=yes
			wait "$strace" || :
			tell write a 0 100
			no_descriptor
			[ "$held" = no ] || break
		done
		[ "$held" = no ] || during=$((during + 1))
	done
	between 15 "$during" 19
	# At each of its own calls that matter.
	killed=0
	for call in fork:1 clone:{1,2,3} socketpair:1 recvmsg:1 wait4:3 pidfd_open:{1,2} ioctl:{1,2,3,4,20} pread64:1; do
		code=0
		strace -qq -o s.log -e "trace=${call%:*}" -e "inject=${call%:*}:signal=SIGKILL:when=${call#*:}" \
			wss-trace -s "process:$pid" -p 20ms -P -n 1 >t.csv 2>t.err 3>&- || code=$?
		[ "$code" != 137 ] || killed=$((killed + 1))
		until_true no_descriptor
		until_true grep -q '^TracerPid:.0$' "/proc/$pid/status"
		tell write a 0 100
	done
	between 11 "$killed" 15
	# And while it traces.
	trace
	kill -KILL "$tracer"
	wait "$tracer" || :
	no_descriptor
	trace
	mark
	tell write a 0 100
	found "$at" 100
	stop_trace
}

# bats test_tags=slow,nosan
@test "process: SIGKILL of the helper that attaches leaves a process that lives, and nothing that --release does not find" {
	need_uffd
	writer
	tell map a 4
	echo beat >&"${WRITER[1]}"
	left=0
	for call in ptrace:{1..19} pidfd_getfd:1 sendmsg:1; do
		run --separate-stderr -71 strace -f -qq -o s.log -e trace=ptrace,pidfd_getfd,sendmsg \
			-e "inject=${call%:*}:signal=SIGKILL:when=${call#*:}" wss-trace -s "process:$pid" -P -n 1
		stderr_is "wss-trace: process:$pid: the helper that attaches to process $pid was killed"
		hear
		is "$ans" beat
		no_descriptor || left=$((left + 1))
		wss-trace --release "process:$pid" >release
		no_descriptor
		! traced
	done
	# Several of these kills fall between the opening and the closing.
	between 3 "$left" 12
	trace
	ticks 2
	stop_trace
	# The next run finds one, too.
	strace -f -qq -o s.log -e trace=pidfd_getfd -e inject=pidfd_getfd:signal=SIGKILL wss-trace -s "process:$pid" -P -n 1 || :
	run ! no_descriptor
	trace
	no_descriptor
	stop_trace
}
