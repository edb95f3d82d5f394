#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Source microvm: a real guest on /dev/kvm, whose every write is known beforehand. `model` makes up the events of the same
# schedule, so what KVM's dirty log says of a window can be compared page by page.
load helper
load windows

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	[ -w /dev/kvm ] || cannot 'no /dev/kvm'
}

# exact SCHEDULE OPTIONS PERIOD WINDOWS: KVM's log has the pages of the schedule in every window, and no others.
# Prints the number of pages in all windows.
exact() {
	local factor=2
	[[ $3 != *ms ]] || factor=20
	wss-trace -q -P -s "microvm:$1$2" -p "$3" -n "$4" >seen.csv || return
	wss-trace -q -P -s "model:$1" -p "$3" -n $(($4 * factor)) >made.csv || return
	exact_windows seen.csv made.csv "$4"
}

# faulty WHERE FAULT: the source with a fault put into its calls of WHERE ("/dev/kvm", "anon_inode:kvm-vm" ...).
faulty() {
	strace -f -qq -o /dev/null -P "$1" -e inject="$2" wss-trace -s "microvm:1s:1000w${3:-}" -p 10ms -n 3 -o out.gz
}

# ---- what it sees ----

# bats test_tags=slow
@test 'wss-trace microvm: every window of 10 ms holds the pages its schedule writes and no others' {
	# 10 ms of 20000 pages a second are 200 pages
	for log in clear get ring; do
		between 4000 "$(exact 1s:20000w "?log=$log" 10ms 20)" 40000
	done
}

# bats test_tags=slow
@test 'wss-trace microvm: every window of 1 s is exact, and by the ring too' {
	is "$(exact 1s:20000w '' 1s 3)" 60000
	is "$(exact 1s:20000w '?log=ring' 1s 3)" 60000
}

@test 'wss-trace microvm: patterns, phases, offsets, reads among writes and steps of allocation are exact' {
	exact 20ms:3000w:uniform@50000+100,10ms:500r,alloc:9000,15ms:2000rw:zipf=1@50000+70,free:9000,5ms:100w:hot=0.1@20000 '' 7ms 20
	exact 10ms:3000w:uniform@50000+500000 '?log=ring&memory=2GiB' 7ms 20
}

@test 'wss-trace microvm: pages on both sides of a slot border, and the last page of memory' {
	# a slot is 262144 pages; memory ends where the schedule ends
	exact 10ms:100w@10000+262094 '' 10ms 3
	# a window of 10 pages, 5 of them on either side
	exact 10ms:100w@10000+262099 '' 1ms 10
	exact 10ms:37w:uniform@10000+262144 '?log=get' 10ms 3
	exact 10ms:37w:uniform@10000+262144 '?log=ring' 10ms 3
}

@test 'wss-trace microvm: a schedule of reads gives no writes' {
	for log in clear get ring; do
		wss-trace -P -s "microvm:100ms:5000r:uniform?log=$log" -p 20ms -n 10 >seen.csv
		is "$(pages_of 0 <seen.csv)" ''
		is "$(grep -c ,tick, seen.csv)" 10
	done
}

# bats test_tags=slow
@test 'wss-trace microvm: more pages in a window than the ring holds' {
	# the largest ring of KVM has 65536 entries
	is "$(exact 1s:100000w '?log=ring' 1s 2)" 200000
}

@test 'wss-trace microvm: begin and blind come first, then pages, a size and a tick each period, then end' {
	# 10 pages in 10 ms: of a schedule that repeats then, so that a late tick changes nothing
	wss-trace -P -s 'VM=microvm:10ms:10w@1000?memory=1GiB' -p 10ms -n 2 >seen.csv
	is "$(cut -d, -f2,4-8 seen.csv)" 'vm,event,gfn,pages,arg,lost
VM,begin,,,,
VM,blind,,,5,
VM,write,1048576,10,,
VM,size,,262144,262144,
VM,tick,,,10000000,
VM,write,1048576,10,,
VM,size,,262144,262144,
VM,tick,,,10000000,
VM,end,,,,'
}

@test 'wss-trace microvm: an idle guest gives a tick each period and no writes' {
	wss-trace -P -s microvm:1s:0w -p 10ms -n 3 >seen.csv
	is "$(cut -d, -f4,5,6 seen.csv | sort | uniq -c | tr -s ' ')" ' 1 begin,,
 1 blind,,
 1 end,,
 1 event,gfn,pages
 3 size,,1
 3 tick,,'
}

@test 'wss-trace microvm: a guest of 64 GiB costs what its touched pages cost' {
	# 500 pages at each end, of which the 3 periods write one end: 2 memory slots and the control slot, not 64; the logs of
	# 2 slots at the warm-up, then of 1 in each of 3 periods
	strace -f -e trace=ioctl -o calls wss-trace -s 'microvm:10s:500w,10s:500w+16776000?memory=64GiB' -p 200ms -n 3 -o out.gz
	is "$(grep -c KVM_SET_USER_MEMORY_REGION calls)" 3
	is "$(grep -c KVM_GET_DIRTY_LOG calls)" 5
}

@test 'wss-trace microvm: a guest of 64 GiB takes no more memory than one of 2 GiB' {
	for memory in 2GiB 64GiB; do
		wss-trace -s "microvm:100ms:1000w*1?memory=$memory" -p 100ms -o "$memory.gz" &
		pid=$!
		later_kill $pid
		until_true eval '[ "$(zcat -q $memory.gz 2>/dev/null | grep -c ,tick,)" -ge 2 ]'
		awk '/^RssAnon|^RssShmem|^VmPTE/ { kib += $2 } END { print kib }' /proc/$pid/status >>kib
		kill -TERM $pid
		wait $pid
	done
	# the page tables of 62 GiB more are 62 pages, 248 KiB
	between 4000 "$(head -1 kib)" 1000000 # the 1000 pages are in it
	between 4000 "$(tail -1 kib)" "$(($(head -1 kib) + 2048))"
}

# ---- on the way out ----

@test 'wss-trace microvm: SIGINT ends it with finished windows, and SIGKILL leaves nothing' {
	wss-trace -P -s microvm:1s:1000w -p 20ms >seen.csv &
	pid=$!
	later_kill $pid
	until_true grep -q ,tick, seen.csv
	kill -INT $pid
	wait $pid
	is "$(tail -1 seen.csv | cut -d, -f4)" end
	wss-trace -P -s microvm:1s:1000w -p 20ms >killed.csv &
	pid=$!
	until_true grep -q ,tick, killed.csv
	kill -KILL $pid
	wait $pid || is $? 137
	exact 1s:20000w '' 10ms 2
}

@test 'wss-trace microvm: a reader that goes away ends it quietly' {
	run --separate-stderr -0 bash -c 'wss-trace -P -s microvm:1s:1000w -p 10ms | head -1; echo ${PIPESTATUS[0]}'
	stdout_is 't_ns,vm,vcpu,event,gfn,pages,arg,lost
141'
	stderr_is ''
}

@test 'wss-trace microvm: a guest that cannot keep up is said once, its windows stay exact' {
	# 20000 first writes in 10 ms, some us each; the default would be one pass a second
	run --separate-stderr -0 wss-trace -P -s microvm:10ms:20000w@2000000 -p 10ms -n 2
	[[ $stderr =~ ^'wss-trace: warning: microvm: the guest came to the end of its period '[0-9.]+m?s' late; give it fewer pages a second'$ ]]
	is "$(pages_of 0 <<<"$output" | grep -c '^0 ')" 20000
}

# ---- probe ----

@test 'wss-trace microvm: --probe says how and what it cannot see' {
	run --separate-stderr -0 wss-trace --probe 'microvm:1s:20000w?log=get'
	[[ $output == *'how         a guest of our own on /dev/kvm; KVM_GET_DIRTY_LOG, written pages '* ]]
	[[ $output == *'intrusive   touches nothing but its own guest'* ]]
	[[ $output == *'cannot see  reads
            the order within a period
'* ]]
	[[ $output == *'memory      80000KiB'* ]]
}

# ---- bad input ----

@test 'wss-trace microvm: bad schedules and options are usage errors' {
	say() { run --separate-stderr -64 wss-trace -P -s "microvm:$1"; stderr_is "wss-trace: $2; try 'wss-trace --help'"; }
	say nonsense "-s microvm: no schedule is named 'nonsense'"
	say '1s:1000w?memory=1MiB' '-s microvm: memory has 256 pages, the schedule needs 1000'
	say '1s:1000w?memory=65GiB' "-s microvm: memory: '65GiB' is too large: at most 64GiB"
	say 1s:16777217w '-s microvm: the schedule has 16777217 pages; at most 16777216 (64GiB) are possible'
	say '1s:1000w?log=disk' "-s microvm: bad log 'disk'; one of get, clear, ring"
	say '1s:1000w?color=red' "-s microvm: unknown option 'color=red'"
}

# bats test_tags=nosan
@test 'wss-trace microvm: no /dev/kvm is 69, no permission 77' {
	run --separate-stderr -69 faulty /dev/kvm openat:error=ENOENT
	stderr_is 'wss-trace: microvm: no /dev/kvm here; needs a processor that virtualizes and kvm_intel or kvm_amd'
	run --separate-stderr -77 faulty /dev/kvm openat:error=EACCES
	stderr_is 'wss-trace: microvm: /dev/kvm: Permission denied; needs root or the group of that device'
	run --separate-stderr -77 strace -qq -o /dev/null -P /dev/kvm -e inject=openat:error=EACCES wss-trace --probe microvm:1s:1000w
	stderr_is 'wss-trace: microvm:1s:1000w: /dev/kvm: Permission denied; needs root or the group of that device'
}

# bats test_tags=nosan
@test 'wss-trace microvm: a KVM that lacks something is 69, and the message names it' {
	# calls of /dev/kvm in order: version, four capabilities, manual protect, ring; then the same for the run itself
	lacks() { run --separate-stderr -69 faulty /dev/kvm "ioctl:retval=0:when=$1" "${3:-}"; stderr_is "wss-trace: microvm: $2"; }
	lacks 1 "/dev/kvm does not speak version 12 of KVM's interface"
	lacks 2 'this KVM has no KVM_CAP_USER_MEMORY'
	lacks 3 'this KVM has no KVM_CAP_SET_TSS_ADDR'
	lacks 4 'this KVM has no KVM_CAP_EXT_CPUID'
	lacks 5 'this KVM has no KVM_CAP_SYNC_MMU'
	lacks 14 'this KVM has no KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2; use log=get' '?log=clear'
	lacks 14..15 'this KVM has no KVM_CAP_DIRTY_LOG_RING; use log=get' '?log=ring'
	run --separate-stderr -69 faulty /dev/kvm ioctl:error=EBUSY:when=13
	stderr_is 'wss-trace: microvm: KVM_CREATE_VM: another hypervisor holds the processor'
}

# bats test_tags=nosan
@test 'wss-trace microvm: without manual protect it takes the plain log' {
	strace -f -o calls -e trace=ioctl -P /dev/kvm -e inject=ioctl:retval=0:when=6 wss-trace -s microvm:1s:1000w -p 10ms -n 3 -o out.gz
	is "$(zcat out.gz | cut -d, -f4 | grep -c write)" 3
	run -1 grep -q CLEAR_DIRTY_LOG calls
}

# bats test_tags=nosan
@test 'wss-trace microvm: no memory is 71' {
	full() { run --separate-stderr -71 faulty anon_inode:kvm-vm "ioctl:error=ENOMEM:when=$1"; stderr_is "wss-trace: microvm: $2: Cannot allocate memory"; }
	full 3 KVM_SET_USER_MEMORY_REGION
	full 4 KVM_CREATE_VCPU
	full 6 KVM_GET_DIRTY_LOG
	run --separate-stderr -71 bash -c 'ulimit -v 4000000; wss-trace -s "microvm:1s:1000w?memory=64GiB" -o out.gz'
	stderr_is 'wss-trace: microvm: memory of the guest: Cannot allocate memory'
}

# bats test_tags=nosan
@test 'wss-trace microvm: a KVM that refuses or cannot run the guest is said with its reason; finished windows are kept' {
	run --separate-stderr -69 faulty anon_inode:kvm-vcpu:0 ioctl:error=EINVAL:when=5
	stderr_is 'wss-trace: microvm: this KVM refuses KVM_RUN: Invalid argument'
	# a call that did nothing: the reason is that of no exit at all
	run --separate-stderr -69 faulty anon_inode:kvm-vcpu:0 ioctl:retval=0:when=5
	stderr_is 'wss-trace: microvm: this KVM cannot run the guest: unexpected exit, reason 0'
	# the log of the third period: calls of the VM are 5 to set up, 2 for the warm-up and for each period
	run --separate-stderr -71 faulty anon_inode:kvm-vm ioctl:error=ENOMEM:when=12
	stderr_is 'wss-trace: microvm: KVM_GET_DIRTY_LOG: Cannot allocate memory'
	is "$(zcat out.gz | grep -c ,tick,)" 2
}
