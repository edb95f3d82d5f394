# SPDX-License-Identifier: GPL-2.0-or-later
# The source `libvirt`: guests that come and go, migrate, change their memory; wss-trace and libvirtd that are killed.
load ../helper
load ../guests

setup_file() {
	libvirt_up
	[ -z "$GUEST_CANNOT" ] || return 0
	local name
	for name in one two; do
		guest_define $name -M 256 -p wss.truth <<-'JOB'
			#!/bin/sh
			wss-load -P 1s:2000w*3 >/dev/virtio-ports/wss.truth
		JOB
	done
}

teardown_file() { libvirt_down; }

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	need_guests
}

# up NAME...: they run, with their load.
up() {
	local name
	for name; do
		: >"$LV/$name.wss.truth"
		[ "$(vir domstate "$name")" = running ] || vir start "$name"
	done
	for name; do until_said 60 lines "$LV/$name.wss.truth" 3; done
}

# trace ARGUMENT...: wss-trace in the background, into t.csv, t.err.
trace() {
	"${with[@]}" wss-trace -v -P -p 500ms "$@" >t.csv 2>t.err 3>&- &
	tracer=$!
	later_kill $tracer
}
# count EVENT [VM]: rows so far.
count() { awk -F, -v vm="${2:-}" -v event="$1" '$4 == event && (vm == "" || $2 == vm)' t.csv | wc -l; }
has_rows() { [ "$(count "$2" "${3:-}")" -ge "$1" ]; }
# comes N EVENT VM: the Nth one comes. more N EVENT [VM]: so many more than there are.
comes() { until_said 60 has_rows "$@"; }
more() { until_said 60 has_rows $(($(count "$2" "${3:-}") + $1)) "$2" "${3:-}"; }
stop_trace() {
	kill -INT $tracer
	wait $tracer
}
# ends CODE: it ends by itself.
ends() {
	local status=0
	wait $tracer || status=$?
	is $status "$1"
}

# Nothing of its memory is watched, and no descriptor of ours is left in it.
untouched() {
	! grep -q '^VmFlags:.* uw' /proc/"$1"/smaps && ! readlink /proc/"$1"/fd/* | grep -q userfaultfd
}
# It runs, and its load has more windows, of which two in a row are a second long and complete: on a busy machine not the
# first two, on a guest that is slowed down none.
lives() {
	is "$(vir domstate "$1")" running
	local n
	n=$(wc -l <"$LV/$1.wss.truth")
	keeps_speed() {
		lines "$LV/$1.wss.truth" $((n + 3)) && tail -n 2 "$LV/$1.wss.truth" |
			awk -F, '$2 < 7e8 || $2 > 1.3e9 || $4 != 8000 || $5 != 8000 { slow = 1 } END { exit slow }'
	}
	until_said 60 keeps_speed "$1"
}

@test "libvirt: a page below the PCI hole and one above it are seen at their frame numbers" {
	guest_define big -M 4096 -p wss.state -p wss.high -p wss.low -p wss.told <<-'JOB'
		#!/bin/sh
		# Linux gives memory above 4 GiB first; when that is full, memory below.
		wss-load -P 1s:100w*3 --frames=/tmp/high >/tmp/truth &
		high=$!
		until [ "$(wc -l </tmp/truth)" -ge 2 ]; do sleep 0.1; done
		mount -o remount,size=95% /dev/shm
		dd if=/dev/zero of=/dev/shm/fill bs=1M count=2200
		wss-load -P 1s:100w*3 --frames=/tmp/low >/dev/virtio-ports/wss.state &
		low=$!
		read go </dev/virtio-ports/wss.told
		kill -INT $high $low
		wait $high $low
		cat /tmp/high >/dev/virtio-ports/wss.high
		cat /tmp/low >/dev/virtio-ports/wss.low
		echo listed >/dev/virtio-ports/wss.state
		sleep 1000
	JOB
	vir start big
	until_said 120 lines "$LV/big.wss.state" 2
	wss-trace -s "libvirt:big?uri=$URI" -p 2s -n 1 -P >t.csv
	guest_tell big
	until_said 60 has_line "$LV/big.wss.state" listed
	vir destroy big
	written t.csv 1 >seen
	# 2 GiB end at frame 524288, 4 GiB at 1048576
	frames "$LV/big.wss.low" | awk '$1 < 524288' >low
	frames "$LV/big.wss.high" | awk '$1 >= 1048576' >high
	between 1 "$(wc -l <low)" 100
	between 1 "$(wc -l <high)" 100
	is "$(comm -23 low seen | wc -l),$(comm -23 high seen | wc -l)" 0,0
	between 0 "$(wc -l <seen)" 1700
	is "$(awk '$1 >= 524288 && $1 < 1048576' seen | wc -l)" 0
}

@test "libvirt: two NUMA nodes, and memory that is plugged in while tracing" {
	edit_xml="s|<memory unit='MiB'>|<maxMemory slots='2' unit='MiB'>1024</maxMemory>&|; s|<vcpu>1|<vcpu>2|
		s|<features>|<cpu><numa><cell id='0' cpus='0' memory='256' unit='MiB'/><cell id='1' cpus='1' memory='256' unit='MiB'/></numa></cpu>&|" \
	guest_define numa -M 512 -p wss.state -p wss.list <<-'JOB'
		#!/bin/sh
		cd /sys/devices/system/memory
		blocks() { ls -d memory*[0-9] | wc -l; }
		had=$(blocks)
		echo up >/dev/virtio-ports/wss.state
		until [ "$(blocks)" -gt "$had" ]; do sleep 0.1; done
		for m in memory*[0-9]; do echo online_movable >$m/state; done
		wss-load -P -f 8s 1s:105000w --frames=/tmp/list >/dev/virtio-ports/wss.state
		cat /tmp/list >/dev/virtio-ports/wss.list
		echo listed >/dev/virtio-ports/wss.state
		sleep 1000
	JOB
	vir start numa
	until_said 60 has_line "$LV/numa.wss.state" up
	trace -s "libvirt:numa?uri=$URI" --max-overhead 0%
	more 1 tick
	is "$(awk -F, '$4 == "size" { print $6, $7 }' t.csv | sort -u)" '131072 131072'
	vir attach-device numa --live /dev/stdin <<<"<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>"
	until_said 60 has_line "$LV/numa.wss.state" listed
	stop_trace
	is "$(grep ,size, t.csv | tail -n 1 | cut -d, -f6,7)" 163840,163840
	vir destroy numa
	awk -F, '$4 == "write" { for (i = 0; i < $6; i++) print $5 + i }' t.csv | sort -u >seen
	frames "$LV/numa.wss.list" >list
	# on node 0, on node 1 (from 256 MiB on), and in the module, which is at 4 GiB
	between 1 "$(awk '$1 < 65536' list | wc -l)" 65536
	between 1 "$(awk '$1 >= 65536 && $1 < 131072' list | wc -l)" 65536
	between 1 "$(awk '$1 >= 1048576' list | wc -l)" 32768
	is "$(comm -23 list seen | wc -l)" 0
}

@test "libvirt: all: one guest is destroyed, one renamed, one restarted under its name; the other goes on" {
	up one two
	trace -s "libvirt:all?uri=$URI"
	more 2 tick one
	more 2 tick two

	vir destroy one
	comes 1 end one
	grep -qx 'wss-trace: one: it was destroyed' t.err
	more 2 tick two
	vir start one
	comes 2 begin one
	more 2 tick one
	is "$(count begin two)" 1

	vir destroy two
	comes 1 end two
	vir domrename two three
	cp "$LV/two.initrd" "$LV/two.kept"
	vir start three
	comes 1 begin three
	more 2 tick three
	is "$(count end one)" 1

	stop_trace
	is "$(grep -E ',(begin|end),' t.csv | cut -d, -f2,4 | sort | uniq -c | tr -s ' ')" \
		$' 2 one,begin\n 2 one,end\n 1 three,begin\n 1 three,end\n 1 two,begin\n 1 two,end'
	wss-count -P t.csv >counts.csv # which would refuse rows outside of begin and end, or out of order
	vir destroy three
	vir domrename three two
}

@test "libvirt: the only guest goes away, or is started again within the period: said, and exit code 69" {
	up one
	trace -s "libvirt:one?uri=$URI"
	more 2 tick one
	vir destroy one
	ends 69
	is "$(tail -n 1 t.csv | cut -d, -f2,4)" one,end
	is "$(tail -n 1 t.err)" 'wss-trace: one: it was destroyed'

	up one
	trace -s "libvirt:one?uri=$URI"
	comes 1 begin one
	kill -STOP $tracer # a period that is long enough
	vir destroy one
	vir start one
	kill -CONT $tracer
	ends 69
	is "$(tail -n 1 t.err)" 'wss-trace: one: it was started again'
	up one
	lives one
}

@test "libvirt: SIGTERM and SIGKILL of wss-trace leave nothing behind, and the guest keeps its speed" {
	local pid signal
	up one
	pid=$(qemu_pid one)
	for signal in TERM KILL; do
		trace -s "libvirt:one?uri=$URI"
		more 2 tick one
		run ! untouched "$pid"
		lives one # also while it is traced
		kill -$signal $tracer
		wait $tracer || :
		untouched "$pid"
		lives one
	done
}

@test "libvirt: one tracer at a time" {
	up one
	trace -s "libvirt:one?uri=$URI"
	more 1 tick one
	run --separate-stderr -69 wss-trace -s "libvirt:one?uri=$URI" -n 1 -P
	stderr_is "wss-trace: libvirt:one: another tracer, or a background snapshot, holds process $(qemu_pid one)"
	more 2 tick one
	stop_trace
}

@test "libvirt: saving the guest to a file, or dumping it, while it is traced succeeds and ends its part" {
	up one two
	trace -s "libvirt:all?uri=$URI"
	more 2 tick one
	more 1 tick two
	vir save one "$LV/saved"
	comes 1 end one
	more 2 tick two
	grep -qx 'wss-trace: one: a migration or a snapshot has begun; tracing is over' t.err
	vir restore "$LV/saved"
	rm "$LV/saved"
	comes 2 begin one
	vir dump --live --memory-only one "$LV/dump"
	rm -f "$LV/dump"
	more 3 tick one # whether it was noticed or not: nothing is in a dump's way
	stop_trace
	lives one
	lives two
}

@test "libvirt: refused while a migration is going on" {
	local sink
	up one
	# Nobody reads: it cannot end.
	python3 -c "
import os, socket, time
s = socket.socket(socket.AF_UNIX)
s.bind('$LV/sink')
os.chmod('$LV/sink', 0o777)
s.listen()
c, _ = s.accept()
time.sleep(100)" 3>&- &
	sink=$!
	later_kill $sink
	until_true test -S "$LV/sink"
	qmp one '{"execute":"migrate","arguments":{"uri":"unix:'"$LV"'/sink"}}'
	run --separate-stderr -69 wss-trace -s "libvirt:one?uri=$URI" -n 1 -P
	stderr_is 'wss-trace: libvirt:one: a migration or a snapshot is in progress; try again when that is over'
	qmp one '{"execute":"migrate_cancel"}'
	lives one
	untouched "$(qemu_pid one)"
	rm "$LV/sink"
}
qmp() { vir qemu-monitor-command "$1" "$2" >answer && run ! grep -q '"error"' answer; }

# A copy of QEMU that may have a userfaultfd of its own, which snapshots in the background need.
@test "libvirt: a background snapshot succeeds, or is refused, or its guest is resumed" {
	local pid sink
	[ "$(id -u)" = 0 ] && command -v setcap >/dev/null || cannot 'needs root and setcap'
	mkdir -p "$LV/usr/bin"
	ln -s /usr/lib /usr/share "$LV/usr" # it looks for its modules beside itself
	cp "$(command -v qemu-system-x86_64)" "$LV/usr/bin/qemu"
	setcap cap_sys_ptrace+ep "$LV/usr/bin/qemu"
	edit_xml="s|<emulator>.*<|<emulator>$LV/usr/bin/qemu<|" guest_define snap -M 256 -p wss.truth <<-'JOB'
		#!/bin/sh
		wss-load -P 1s:2000w*3 >/dev/virtio-ports/wss.truth
	JOB
	up snap

	# While it is traced QEMU does not even take the wish for one.
	trace -s "libvirt:snap?uri=$URI"
	more 1 tick snap
	vir qemu-monitor-command snap "$background" | grep -q 'not compatible with guest memory'
	stop_trace

	# The wish was there before: memory is let go when the snapshot begins.
	qmp snap "$background"
	trace -s "libvirt:snap?uri=$URI"
	more 2 tick snap
	snapshot
	ends 69
	wait $sink
	is "$(grep -vc '^wss-trace: warning:.* was resumed' <(grep warning: t.err))" 0
	lives snap

	# wss-trace is held up until it is too late.
	trace -s "libvirt:snap?uri=$URI"
	more 2 tick snap
	kill -STOP $tracer
	snapshot
	paused() { vir qemu-monitor-command --hmp snap 'info status' | grep -q paused; }
	until_true paused
	kill -CONT $tracer
	ends 69
	grep -qx 'wss-trace: warning: snap: a background snapshot failed because its memory was traced; the guest, left paused, was resumed; try the snapshot again' t.err
	lives snap
	vir destroy snap
}
background='{"execute":"migrate-set-capabilities","arguments":{"capabilities":[{"capability":"background-snapshot","state":true}]}}'
# Begins one, into a reader that throws it away: $sink.
snapshot() {
	rm -f "$LV/sink"
	python3 -c "
import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind('$LV/sink')
os.chmod('$LV/sink', 0o777)
s.listen()
c, _ = s.accept()
while c.recv(1 << 20): pass" 3>&- &
	sink=$!
	later_kill $sink
	until_true test -S "$LV/sink"
	qmp snap '{"execute":"migrate","arguments":{"uri":"unix:'"$LV"'/sink"}}'
}

@test "libvirt: libvirtd goes and comes back: tracing goes on, without the balloon's size meanwhile" {
	up one
	trace -s "libvirt:one?uri=$URI"
	more 2 tick one
	"$TOP/scripts/guest/libvirt" kill "$LV"
	unknown() { grep -q ',size,,65536,,' t.csv; }
	until_said 60 unknown
	more 2 tick one
	"$TOP/scripts/guest/libvirt" again "$LV"
	known_again() { grep ,size, t.csv | tail -n 1 | grep -q ',size,,65536,65536,'; }
	until_said 60 known_again
	stop_trace
	is "$(grep warning t.err)" \
		"wss-trace: warning: libvirt at $URI does not answer; tracing goes on, but sizes are unknown until it is back"
	grep -qx "wss-trace: libvirt at $URI answers again" t.err
	is "$(grep -c ,end, t.csv)" 1
}

@test "libvirt: works with the capabilities that the manual names, and gives up all others" {
	up one
	local few=-all,+sys_ptrace,+sys_nice,+dac_override with=()
	[ "$(id -u)" = 0 ] || cannot 'needs root'
	for with in '' "setpriv --bounding-set=$few --inh-caps=-all"; do
		read -ra with <<<"$with"
		trace -s "libvirt:one?uri=$URI"
		more 2 tick one
		# bits 1, 19 and 23
		is "$(awk '$1 == "CapPrm:" || $1 == "CapEff:" { print $2 }' /proc/$tracer/status)" \
			$'0000000000880002\n0000000000880002'
		is "$(awk '$1 == "NoNewPrivs:" { print $2 }' /proc/$tracer/status)" 1
		stop_trace
		between 2000 "$(awk -F, '$4 == "write" { n += $6 } END { print n }' t.csv)" 1000000
	done
	run --separate-stderr -77 setpriv --bounding-set=-all,+sys_nice,+dac_override --inh-caps=-all \
		wss-trace -s "libvirt:one?uri=$URI" -n 1 -P
	grep -q 'needs CAP_SYS_PTRACE' <<<"$stderr"
}
