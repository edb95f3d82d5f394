# SPDX-License-Identifier: GPL-2.0-or-later
# Source kvm on a stock kernel: an emulated AMD host with Debian's Linux 6.1 and KVM (nested paging, so dirty
# pages are found by write faults), with micro guests, a guest under plain QEMU and one under libvirt.
# All of it runs once, in setup_file; each test looks at a part of what came out.
load ../helper
load ../hosts

setup_file() {
	local work=$BATS_FILE_TMPDIR
	hosts_up
	[ -z "$HOSTS_CANNOT" ] || return 0
	guest_inside plain 1s:2000w+50
	guest_inside inner 1s:1000w+50
	{
		libvirt_words
		libvirt_part
	} >"$work/libvirt"
	micro_part | in_kvm_host micro
	in_kvm_host qemu <<-JOB
			mount -t tracefs none /sys/kernel/tracing
			huge_pages never
			files_of_this_machine
			mkfifo /host/run/plain.mon.in /host/run/plain.mon.out
			cat /host/run/plain.mon.out >/host/run/out/monitor &
			guest_on plain -qmp unix:/run/plain.qmp,server=on,wait=off \\
				-chardev pipe,id=m,path=/run/plain.mon -mon chardev=m
			in_files bash '$work/libvirt' '$work/inner.initrd' \$qemu >libvirt.log 2>&1
			cp /host/run/out/* .
			cp /host/run/plain.truth /host/run/plain.frames .
			ls /sys/kernel/tracing/instances >left
			cat /sys/kernel/tracing/kprobe_events >>left
		JOB
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	need_hosts
	MICRO=$BATS_FILE_TMPDIR/micro QEMU=$BATS_FILE_TMPDIR/qemu
}

# Two targets in one process: so both have the same clock. The schedule is idle for a second before all 5000 pages are written
# in a hundredth of one: then the periods of both are the same, and no reader is as fast.
micro_part() {
	cat <<-'JOB'
		why() { wss-trace | grep -A1 '[ ]kvm:' | tail -1; }
		why >list
		mount -t tracefs none /sys/kernel/tracing
		why >>list
		left() { ls /sys/kernel/tracing/instances; cat /sys/kernel/tracing/kprobe_events; }
		beside() { sh -c 'exec wss-trace -q -P -p "$1" -n "$2" -s "m=microvm:$3?log=get" -s "k=kvm:$$$4"' sh "$@"; }
		beside 1s 4 1s:5000w '' >exact.csv
		beside 2s 3 1s:0w,10ms:5000w*1,990ms:0w '?buffer=8KiB' >tiny.csv
		left >left.first
		ticks() {
			n=0
			until [ $(grep -c tick $1) -ge $2 ] || [ $n -gt 1200 ]; do
				sleep 0.1
				n=$((n + 1))
			done
		}
		micro() { wss-trace -q -P -s $1=microvm:$2 -n 1000 >$1.log & }
		micro a 1s:3000w
		a=$!
		micro b 1s:2000w+5000
		b=$!
		ticks a.log 1
		ticks b.log 1
		wss-trace -q -P -s a=kvm:$a -s b=kvm:$b -n 4 >two.csv
		wss-trace -q -P -s a=kvm:$a -s b=kvm:$b -n 1000 >term.csv &
		ticks term.csv 2
		left | wc -l >left.during
		kill -TERM $!
		wait $!
		echo $? >term.status
		left >left.term
		wss-trace -q -P -s a=kvm:$a -s b=kvm:$b -n 1000 >kill.csv &
		ticks kill.csv 2
		kill -KILL $!
		wait $!
		left | wc -l >left.kill
		wss-trace --release kvm:$a >release
		left >left.release
		wss-trace -q -P -s kvm:$a -n 1000 >kill2.csv &
		ticks kill2.csv 1
		kill -KILL $!
		wait $!
		wss-trace -q -P -s a=kvm:$a -s b=kvm:$b -n 3 >gone.csv 2>gone.err &
		ticks gone.csv 2
		kill -KILL $b
		wait $!
		echo $? >gone.status
		wss-trace -P -s a=kvm:$a -n 1000 >alone.csv 2>alone.err &
		ticks alone.csv 1
		kill -KILL $a
		wait $!
		echo $? >alone.status
		left >left.next
	JOB
}

# $2: the QEMU of the plain guest.
libvirt_part() {
	cat <<-'END'
		stopped() { grep -q '^State:.T' /proc/$plain/status; }
		counters_part() { # of a guest that stands still, by us and as KVM's files are; then of one that runs
			mount -t debugfs none /sys/kernel/debug
			kill -STOP $plain
			until_said 10 stopped
			vm-counters -P -s plain=kvm:$plain -n 1 >counters
			(cd /sys/kernel/debug/kvm/$plain-* && grep -s . *) >debugfs
			kill -CONT $plain
			vm-counters -P -s plain=kvm:$plain -p 1s -n 2 >running
		}
		plain=$2
		both=(-s "kvm:inner?uri=$URI" -s plain=kvm:/run/plain.qmp)
		domain_on inner "$1"
		wss-trace --probe kvm:/run/plain.qmp >plain.probe
		wss-trace --probe "kvm:inner?uri=$URI" >inner.probe
		wss-trace -v -P "${both[@]}" -s process:$plain -p 3s -n 3 --max-overhead 0% >both.csv 2>both.err
		cat /proc/$plain/maps >maps
		counters_part
		until_said 120 wss-trace --probe "kvm:inner?uri=$URI" >/dev/null # its log is on for some seconds
		wss-trace -q -P -s "kvm:inner?uri=$URI&tables=0" -p 1s -n 1 >without.csv
		until_said 120 wss-trace --probe "kvm:inner?uri=$URI" >/dev/null
		{
			vir qemu-monitor-command inner '{"execute":"calc-dirty-rate","arguments":{"calc-time":20,"mode":"dirty-bitmap"}}'
		} >/dev/null 2>&1
		wss-trace -P -s "kvm:inner?uri=$URI" -n 1 >/dev/null 2>measured.err
		echo $? >>measured.err
		until_said 120 wss-trace --probe kvm:/run/plain.qmp >/dev/null
		wss-trace -P -s plain=kvm:/run/plain.qmp -n 1000 >migrated.csv 2>migrated.err &
		tracer=$!
		until_said 120 grep -q tick migrated.csv
		printf '%s\n' 'migrate_set_parameter max-bandwidth 100k' 'migrate -d "exec:cat >/dev/null"' >/run/plain.mon.in
		wait $tracer
		echo $? >>migrated.err
		wss-trace -P -s kvm:/run/plain.qmp -n 1 2>migrates.err
		printf '%s\n' 'info migrate' migrate_cancel 'info status' >/run/plain.mon.in
		until_said 120 grep -q 'VM status' monitor
		until_said 120 wss-trace --probe kvm:/run/plain.qmp >/dev/null
		until_said 120 wss-trace --probe "kvm:inner?uri=$URI" >/dev/null
		wss-trace -q -P "${both[@]}" -n 1000 >destroyed.csv 2>destroyed.err &
		tracer=$!
		until_said 120 grep -q '^[0-9]*,plain.*tick' destroyed.csv
		domain_off inner
		echo >/run/plain.stop.in
		wait $tracer
		echo $? >destroyed.status
		chroot / qemu-system-x86_64 -nodefaults -display none -accel tcg -m 64 -S -qmp unix:/run/tcg.qmp,server=on,wait=off &
		until_said 120 test -S /run/tcg.qmp
		wss-trace --probe kvm:/run/tcg.qmp 2>emulated.err
		kill $!
		libvirt_down
	END
}

# rows TRACE VM EVENT: window, time, frame, argument, lost, vcpu; windows are counted from 1.
rows() {
	awk -F, -v vm="$2" -v event="$3" '
		BEGIN { w = 1 }
		$2 != vm { next }
		$4 == event { printf "%d %s %s %s %d %s\n", w, $1, $5 == "" ? "-" : $5, $7 == "" ? "-" : $7, $8, $3 == "" ? "-" : $3 }
		$4 == "tick" { w++ }' "$1"
}

@test "wss-trace kvm: says what is missing, and works when it is there" {
	same "$MICRO/list" - <<-'END'
		                            no tracefs here; mount -t tracefs none /sys/kernel/tracing
		                            a probe on what KVM marks dirty (found by write faults)
	END
}

@test "wss-trace kvm: in each window the pages of KVM_GET_DIRTY_LOG, each once, in the order in which they were written" {
	# The window in which kvm began is not whole. Its rows belong to the window of microvm in which their time is.
	rows "$MICRO/exact.csv" m tick >ticks
	is "$(wc -l <ticks)" 4
	awk 'FNR == NR { end[n++] = $2; next } { for (w = 0; w < n && $2 > end[w]; w++); print w + 1, $3 }' \
		ticks <(rows "$MICRO/exact.csv" k write) >marks
	for window in 2 3 4; do
		# The schedule writes pages 0 to 4999 one after the other, from frame 1048576 on.
		awk -v w=$window '$1 == w { print $2 }' marks | cmp - <(seq 1048576 1053575)
		is "$(awk -F, -v w=$window 'BEGIN { n = 1 } $2 == "m" && $4 == "write" && n == w { print $5, $6 }
			$2 == "m" && $4 == "tick" { n++ }' "$MICRO/exact.csv")" '1048576 5000'
	done
	is "$(rows "$MICRO/exact.csv" k tick | awk '{ lost += $5 } END { print lost }')" 0
	is "$(blind "$MICRO/exact.csv" k)" 3 # reads, DMA
}

@test "wss-trace kvm: what does not fit into a tiny buffer is counted, each mark" {
	for window in 2 3; do
		seen=$(rows "$MICRO/tiny.csv" k write | awk -v w=$window '$1 == w' | wc -l)
		lost=$(rows "$MICRO/tiny.csv" k tick | awk -v w=$window '$1 == w { print $5 }')
		echo "# $seen rows, $lost lost" >&3
		is $((seen + lost)) 5000
		[ "$lost" -gt 0 ]
	done
	# The oldest stay: they are the first ones in a row.
	rows "$MICRO/tiny.csv" k write | awk '$1 == 2 { print $3 }' | head -100 | cmp - <(seq 1048576 1048675)
}

@test "wss-trace kvm: of two virtual machines each has its own marks" {
	for pages in 'a 0 2999' 'b 5000 6999'; do
		read -r vm first last <<<"$pages"
		seq "$first" "$last" | sort >wrote
		seen "$MICRO/two.csv" 1 4 1048576 "$vm"
		is "$(missing)" 0
		is "$(extra)" 0
	done
}

@test "wss-trace kvm: ended or killed, nothing stays but what --release, or the next run, removes" {
	is "$(cat "$MICRO/left.first")" ''
	is "$(cat "$MICRO/left.during")" 3 # two instances, one probe
	is "$(cat "$MICRO/term.status")" 0
	is "$(cat "$MICRO/left.term")" ''
	is "$(tail -1 "$MICRO/term.csv" | cut -d, -f4)" end
	is "$(cat "$MICRO/left.kill")" 3
	[[ "$(cat "$MICRO/release")" == kvm:*': 3 released' ]]
	is "$(cat "$MICRO/left.release")" ''
	is "$(cat "$MICRO/left.next")" '' # killed once more, then there were other runs
}

@test "wss-trace kvm: a virtual machine that goes ends its part; if it was the only one, that is an error" {
	is "$(cat "$MICRO/gone.status")" 0
	is "$(cat "$MICRO/gone.err")" ''
	is "$(rows "$MICRO/gone.csv" b end | wc -l)" 1
	is "$(rows "$MICRO/gone.csv" a tick | wc -l)" 3
	is "$(cat "$MICRO/alone.status")" 69
	is "$(cat "$MICRO/alone.err")" 'wss-trace: a: its process has ended'
}

# in_libvirt: skips where there was no libvirt.
in_libvirt() {
	[ ! -e "$QEMU/cannot" ] || cannot "$(cat "$QEMU/cannot")"
	[ -s "$QEMU/destroyed.status" ] || { cat "$QEMU/libvirt.log" >&2; return 1; }
}

@test "wss-trace kvm: two guests of QEMU, by QMP and by libvirt: each load's frames with the right one, by its processor" {
	in_libvirt
	same <(sed 's/ 3500 ns .*/ .../' "$QEMU/plain.probe") - <<-END
		target      $(sed -n 's/^target *//p' "$QEMU/plain.probe")
		source      kvm
		how         a probe on what KVM marks dirty (found by write faults)
		intrusive   has QEMU measure a dirty rate each period, which protects the guest's memory
		cannot see  reads
		            DMA and other writers outside the processor
		memory      96MiB
		overhead    ...
	END
	same <(sed 's/^target .*/target      inner/' "$QEMU/plain.probe") "$QEMU/inner.probe"
	for guest in 'plain 2000' 'inner 1000'; do
		read -r vm load <<<"$guest"
		wrote "$QEMU/$vm.frames" 3
		is "$(wc -l <wrote)" "$load"
		for window in 1 2 3; do
			seen "$QEMU/both.csv" $window $window 0 "$vm"
			is "$(missing)" 0
			echo "# $vm: $(extra) frames more" >&3
			between 0 "$(extra)" 500 # the guest's kernel and its truth, of 24576
		done
		# They have one processor.
		is "$(rows "$QEMU/both.csv" "$vm" write | awk '$6 == 0 { own++ } END { print (own > 0.9 * NR) }')" 1
		is "$(rows "$QEMU/both.csv" "$vm" tick | awk '{ lost += $5 } END { print lost }')" 0
		is "$(awk -F, -v vm="$vm" '$2 == vm && $4 == "size" { print $6 }' "$QEMU/both.csv" | sort -u)" 24576
	done
	# The loads' frames are not the same: pages of the other guest would be seen.
	wrote "$QEMU/plain.frames" 3
	seen "$QEMU/both.csv" 1 3 0 inner
	[ "$(missing)" -gt 1000 ]
}

@test "wss-trace kvm: sees the pages that process sees" {
	in_libvirt
	base=
	while read -r range _; do
		[ $((0x${range#*-} - 0x${range%-*})) != $((96 << 20)) ] || base=$((0x${range%-*} >> 12))
	done <"$QEMU/maps"
	[ -n "$base" ]
	vm=$(awk -F, '$2 ~ /^qemu/ { print $2; exit }' "$QEMU/both.csv")
	seen "$QEMU/both.csv" 1 3 "$base" "$vm"
	awk '$1 >= 0 && $1 < 24576' seen >wrote
	seen "$QEMU/both.csv" 1 3 0 plain
	echo "# process sees $(wc -l <wrote), kvm $(wc -l <seen); $(missing) not seen by kvm, $(extra) only by kvm" >&3
	# What one sees before the other has begun, and after it has ended; and QEMU's own devices write past KVM.
	between 0 "$(missing)" 30
	between 0 "$(extra)" 30
	between 2000 "$(wc -l <wrote)" 3000
}

@test "wss-trace kvm: page tables are told, and are none of the load's pages" {
	in_libvirt
	awk -F, '$2 == "plain" && $4 == "table" { for (g = $5; g < $5 + ($6 == "" ? 1 : $6); g++) print g }' "$QEMU/both.csv" |
		sort -u >tables
	echo "# $(wc -l <tables) frames with page tables" >&3
	between 30 "$(wc -l <tables)" 1000
	wrote "$QEMU/plain.frames" 3
	is "$(comm -12 wrote tables | wc -l)" 0
	# Tables are written: Linux sets accessed and dirty bits in them.
	seen "$QEMU/both.csv" 1 3 0 plain
	[ "$(comm -12 seen tables | wc -l)" -gt 0 ]
	is "$(grep -c ,table, "$QEMU/without.csv")" 0
	is "$(grep -c ,tick, "$QEMU/without.csv")" 1
}

@test "wss-trace kvm: measurements and migrations of others win" {
	in_libvirt
	file_is "$QEMU/measured.err" 'wss-trace: kvm:inner: somebody measures its dirty rate, or another wss-trace did; try again in a minute
69'
	file_is "$QEMU/migrated.err" 'wss-trace: plain: a migration or a snapshot has begun; tracing is over
69'
	is "$(tail -1 "$QEMU/migrated.csv" | cut -d, -f4)" end
	file_is "$QEMU/migrates.err" 'wss-trace: kvm:/run/plain.qmp: a migration or a snapshot is in progress; try again when that is over'
	grep -q 'Migration status: active' "$QEMU/monitor" # it went on
	grep -q 'VM status: running' "$QEMU/monitor"
}

@test "wss-trace kvm: guests of QEMU that end, and those that KVM does not run" {
	in_libvirt
	is "$(cat "$QEMU/destroyed.status")" 0
	is "$(cat "$QEMU/destroyed.err")" ''
	is "$(rows "$QEMU/destroyed.csv" inner end | wc -l)" 1
	is "$(rows "$QEMU/destroyed.csv" plain end | wc -l)" 1
	is "$(cat "$QEMU/left")" ''
	file_is "$QEMU/emulated.err" 'wss-trace: kvm:/run/tcg.qmp: it is emulated (TCG), not run by KVM'
}

@test "vm-counters kvm: each value of a guest is what KVM's own file says" {
	tr : = <"$QEMU/debugfs" | LC_ALL=C sort >theirs
	sed -n 's/^[^,]*,plain,kvm\.\(.*\),\([0-9]*\)$/\1=\2/p' "$QEMU/counters" | LC_ALL=C sort >ours
	between 25 "$(wc -l <ours)" 100
	is "$(LC_ALL=C comm -23 ours theirs)" ''
	# It has memory, and it ran.
	is "$(awk -F= '$1 ~ /^(exits|pages_4k|pf_taken)$/ && $2 > 1000' ours | wc -l)" 3
	is "$(awk -F, '$3 == "kvm.exits" { n++; if ($4 <= last) print; last = $4 } END { print n }' "$QEMU/running")" 2
}
