# SPDX-License-Identifier: GPL-2.0-or-later
# KVM on a processor that logs written pages itself (PML), which is Bochs's: Debian's kernel with its own KVM, and with the
# patched one of hv-patches/linux-6.1. One machine runs once, in setup_file; each test looks at a part of what came out.
# It has one processor: a second one doubles its cost, and shows the same.
load ../helper

setup_file() {
	local version modules n work=$BATS_FILE_TMPDIR files=()
	version=$(ls "$("$TOP/scripts/guest/kernel" cloud)/lib/modules")
	make -s -C "$TOP" static >&2
	make -s -C "$TOP" B=build-static CFLAGS='-O2 -g -static' build-static/helpers/pml-guest >&2
	modules=$("$TOP/hv-patches/linux-6.1/build" "$version")
	for n in 1 2; do
		cp "$modules/$n/kvm.ko" "$work/kvm-$n.ko"
		cp "$modules/$n/kvm-intel.ko" "$work/kvm-intel-$n.ko"
		files+=(-f "$work/kvm-$n.ko" -f "$work/kvm-intel-$n.ko")
	done
	job >"$work/job"
	"$TOP/scripts/guest/initrd" -m kvm_intel -f "$TOP/build-static/bin/wss-trace" -f "$TOP/build-static/helpers/pml-guest" \
		"${files[@]}" -j "$work/job" -o "$work/initrd"
	"$TOP/scripts/guest/bochs" -t 600 -i "$work/initrd" -f "$work/out.tgz" >"$work/console" ||
		{ tail -n 40 "$work/console" >&2; return 1; }
	tar -C "$work" -xzf "$work/out.tgz"
}

# What the machine does. phase NAME: a guest of 8000 pages writes 2000 of them in two orders, then all.
job() {
	cat <<-'JOB'
		#!/bin/sh
		mkdir /tmp/out
		cd /tmp/out
		exec 2>err
		tracing=/sys/kernel/tracing
		mount -t tracefs none $tracing
		kvm=$tracing/events/kvm
		parameters=/sys/module/kvm_intel/parameters
		echo 4096 >$tracing/buffer_size_kb

		load_kvm() {
			rmmod kvm_intel kvm
			insmod /bin/kvm-$1.ko
			insmod /bin/kvm-intel-$1.ko pml=$2
		}
		# The guest stands still between what it is told.
		begin_guest() {
			mkfifo told said
			pml-guest 8000 <told >said &
			guest=$!
			exec 3>told 4<said
			rm told said
			read -r all <&4
			read -r ready <&4
			echo "$all, $ready" >$1.begin
		}
		# tell NAME WORDS: what it answers, and the exits meanwhile, by reason.
		tell() {
			echo hist:keys=exit_reason >$kvm/kvm_exit/trigger
			echo "$2" >&3
			read -r answer <&4
			echo "$answer" >$1.answer
			sed -n 's/^{ exit_reason: *\([0-9]*\) } hitcount: *\([0-9]*\)$/\1 \2/p' $kvm/kvm_exit/hist >$1.exits
			echo '!hist:keys=exit_reason' >$kvm/kvm_exit/trigger
		}
		end_guest() {
			exec 3>&- 4<&-
			wait
		}
		rows() {
			until [ "$(grep -c ",$2," $1.csv)" -ge $3 ]; do
				kill -0 $tracer || break
				sleep 0.1
			done
		}
		two_more_ticks() { rows $1 tick $(($(grep -c ,tick, $1.csv) + 2)); }
		phase() {
			begin_guest $1
			tell_all $1
			end_guest
		}
		tell_all() {
			tell $1-1 '2000 1'
			tell $1-3 '2000 3'
			tell $1-all '8000 1'
		}
		traced_phase() {
			begin_guest $1
			wss-trace -q -P -s kvm:$guest$2 -p 1s --max-overhead 0% >$1.csv &
			tracer=$!
			rows $1 begin 1
			tell_all $1
			two_more_ticks $1
			tell $1-last '1 1'
			two_more_ticks $1
			kill -INT $tracer
			end_guest
		}
		# The same, and the tracepoint by itself.
		raw() {
			echo >$tracing/trace
			echo 1 >$kvm/kvm_pml_log/enable
			traced_phase $1 $2
			echo 0 >$kvm/kvm_pml_log/enable
			sed -n 's/.*kvm_pml_log: //p' $tracing/trace >$1.log
		}

		dmesg -c >/tmp/dmesg
		cat $parameters/pml >stock.pml
		traced_phase stock
		wss-trace -P -s microvm:1s:5000w -p 1s -n 3 >microvm.csv

		load_kvm 1 1
		raw one
		load_kvm 2 1
		raw two
		echo -1 >/proc/sys/kernel/sched_rt_runtime_us
		begin_guest interrupted
		tell interrupted '4000 interrupted'
		echo 0 >$parameters/pml_double
		tell interrupted-one '4000 interrupted'
		end_guest
		raw off '?buffer=32KiB'
		load_kvm 2 0
		phase protected

		dmesg | grep -A 20 -e WARNING -e BUG >warnings
		stty 115200 raw -F /dev/ttyS1
		tar cz . >/dev/ttyS1
	JOB
}

setup() {
	cd "$BATS_FILE_TMPDIR" || exit 1
}

# exits NAME REASON: how many.
exits() { awk -v reason="$2" '$1 == reason { n = $2 } END { print n + 0 }' "$1.exits"; }
FULL=62 VIOLATION=48
# full_exits NAME: 512 pages fit, and every other exit empties the log, too: at most 512 pages less before it is full.
full_exits() {
	local part others
	for part in 1,2000 3,2000 all,8000; do
		others=$(awk -v full=$FULL '$1 != full { n += $2 } END { print n + 0 }' "$1-${part%,*}.exits")
		between $((${part#*,} / 512 - others)) "$(exits "$1-${part%,*}" $FULL)" $((${part#*,} / 512))
		between 1 "$(exits "$1-${part%,*}" $FULL)" 15
		is "$(exits "$1-${part%,*}" $VIOLATION)" 0
	done
}

@test "kvm-pml: the stock kernel uses the processor's log: exits when it is full, no write fault" {
	is "$(cat stock.pml)" Y
	is "$(cat stock.begin)" 'written 8000 missing 0 extra 0, ready'
	is "$(cat stock-1.answer stock-3.answer | uniq -c | tr -s ' ')" ' 2 written 2000 missing 0 extra 0'
	full_exits stock
}

@test "kvm-pml: wss-trace -s kvm on the stock kernel: exactly the pages that were written, not their order" {
	cmp <(expected_frames | sort) <(traced stock | sort)
	is "$(lost stock),$(blind stock)" 0,7
}
# traced NAME: the frames in wss-trace's rows. lost NAME: what it says that it lost. blind NAME: its mask.
traced() { awk -F, '$4 == "write" { print $5 }' "$1.csv"; }
lost() { awk -F, '$4 == "tick" { n += $8 } END { print n + 0 }' "$1.csv"; }
blind() { awk -F, '$4 == "blind" { print $7 }' "$1.csv"; }

@test "kvm-pml: a microvm is traced exactly where the processor logs" {
	# gfn and pages of its windows, of which each holds all pages once: wss-trace(1)
	is "$(awk -F, '$4 == "write" { print $5 "," $6 }' microvm.csv)" $'1048576,5000\n1048576,5000\n1048576,5000'
	is "$(awk -F, '$4 == "tick" { n++; lost += $8 } END { print n, lost + 0 }' microvm.csv)" '3 0'
}

# The tracepoint's lines are "kvm ADDRESS pid N vcpu N first N event N t_ns N [outside N] gfns {0x...,...}".
# value NAME <LINES: of each line.
value() { sed "s/.*\<$1 \([^ ]*\).*/\1/"; }
frames() { sed 's/.*{//; s/}.*//' "$1.log" | tr ',' '\n' | while read -r frame; do echo $((frame)); done; }
expected_frames() {
	awk 'BEGIN {
		for (i = 0; i < 2000; i++) print 1048576 + i
		for (i = 0; i < 2000; i++) print 1048576 + 3 * i
		for (i = 0; i < 8000; i++) print 1048576 + i
		print 1048576
	}'
}

# exact NAME: the log is all that was written, in that order, without a gap, and KVM's own log of dirty pages is right too.
exact() {
	cmp <(expected_frames) <(frames "$1")
	is "$(awk '{ n = $0; gsub(/[^,]/, "", n); if ($8 != next_first) print "lost before " $8; next_first = $8 + length(n) + 1 }' "$1.log")" ''
	is "$(value kvm <"$1.log" | uniq | wc -l),$(value pid <"$1.log" | uniq | wc -l),$(value vcpu <"$1.log" | uniq)" 1,1,0
	value t_ns <"$1.log" | sort -nc
	cmp <(seq 0 $(($(wc -l <"$1.log") - 1))) <(value event <"$1.log")
	is "$(cat "$1".begin "$1"-*.answer)" "$(cat stock.begin stock-*.answer)"
	full_exits "$1"
}
# outside NAME: how many entries were drained while the guest could run.
outside() { grep ' outside 1 ' "$1.log" | tr -cd '{,' | wc -c; }

# exact_trace NAME: wss-trace has it so, too.
exact_trace() {
	cmp <(expected_frames) <(traced "$1")
	is "$(lost "$1"),$(blind "$1")" 0,3
	is "$(awk -F, '$4 == "write" { print $3 }' "$1.csv" | uniq)" 0
}

@test "kvm-pml: the tracepoint, and wss-trace -s kvm, have what the processor logged, in order; nothing is lost" {
	exact one
	exact_trace one
}

@test "kvm-pml: two buffers: the same, and full ones are drained outside of the exit" {
	exact two
	exact_trace two
	in_full=$((512 * ($(exits two-1 $FULL) + $(exits two-3 $FULL) + $(exits two-all $FULL))))
	between 512 "$(outside two)" $in_full
	echo "# drained outside of the exit, of a million entries in full buffers: $((1000000 * $(outside two) / in_full))" >&3
	exact off
	is "$(outside off)" 0
}

@test "kvm-pml: what does not fit into the trace's buffer is counted, each page" {
	[ "$(lost off)" -gt 0 ]
	is $(($(traced off | wc -l) + $(lost off))) 12001
	is "$(comm -13 <(expected_frames | sort) <(traced off | sort) | wc -l)" 0
}

@test "kvm-pml: two buffers: who reads the log of a guest that stands still misses nothing, whenever it was stopped" {
	local name
	for name in interrupted interrupted-one; do
		grep -qx 'written [0-9]* missing 0 extra [0-9]*' $name.answer
		between 20 "$(exits $name $FULL)" 1000000
	done
}

@test "kvm-pml: exits for a million pages: the log, write protection, two buffers" {
	local name
	full_exits one
	full_exits two
	is "$(exits protected-all $FULL),$(exits protected-all $VIOLATION)" 0,8000
	for name in one two protected; do
		echo "# exits for a million written pages, $name: $((($(exits $name-all $FULL) + $(exits $name-all $VIOLATION)) * 125))" >&3
	done
}

@test "kvm-pml: nothing went wrong in the kernel" {
	is "$(cat err)" ''
	is "$(cat warnings)" ''
}
