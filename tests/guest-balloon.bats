# SPDX-License-Identifier: GPL-2.0-or-later
# balloon-set on a real guest that libvirt runs (scripts/guest/). All tests share one guest of 512 MiB, which reads
# 200 MiB again and again and has swap; each leaves it with all its memory.
# bats file_tags=slow
load helper

ALL=524288 # KiB

setup_file() {
	TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export GUEST_CANNOT='' LV='' URI=''
	local job=$BATS_FILE_TMPDIR/job
	{ "$TOP/scripts/guest/kernel" cloud && command -v libvirtd virsh qemu-system-x86_64; } >/dev/null ||
		{ GUEST_CANNOT='no kernel, libvirt or QEMU for a guest'; return 0; }
	cat >"$job" <<-'JOB'
		#!/bin/sh
		echo 256M >/sys/block/zram0/disksize
		mkswap /dev/zram0 && swapon /dev/zram0
		wss-load -P --name=guest 1s:51200r >/dev/virtio-ports/wss.truth
	JOB
	LV=$("$TOP/scripts/guest/libvirt" start)
	URI=$(cat "$LV/uri")
	"$TOP/scripts/guest/initrd" -m zram -f "$TOP/bin/wss-load" -j "$job" -o "$BATS_FILE_TMPDIR/initrd"
	"$TOP/scripts/guest/domain" -d "$LV" -n guest -i "$BATS_FILE_TMPDIR/initrd" -p wss.truth >"$BATS_FILE_TMPDIR/xml"
	virsh -q -c "$URI" define "$BATS_FILE_TMPDIR/xml"
	virsh -q -c "$URI" start guest
}

teardown_file() {
	[ -z "$LV" ] || "$TOP/scripts/guest/libvirt" stop "$LV"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	[ -z "$GUEST_CANNOT" ] || cannot "$GUEST_CANNOT"
	until_true truth_has 2
}

# The guest has reported N whole windows.
truth_has() { [ "$(grep -c ,guest, "$LV/guest.wss.truth")" -ge "$1" ]; }

# The guest's load goes on: three more windows arrive.
lives() {
	local n
	n=$(grep -c ,guest, "$LV/guest.wss.truth")
	until_true truth_has $((n + 3))
}

stat() { virsh -q -c "$URI" dommemstat guest | awk -v name="$1" '$1 == name { print $2 }'; }
actual_is() { [ "$(stat actual)" = "$1" ]; }

# fresh: the guest has reported since now, and what it can give is there.
fresh() {
	local now
	now=$(date +%s)
	reported() { [ "$(stat last_update)" -gt "$now" ]; }
	until_true reported
}

target() {
	echo t_ns,vm,method,wss_kib,gap_kib,target_kib,actual_kib,memory_kib,reason
	echo "1,guest,m,,,$1,,,follow"
}

balloon_set() {
	run --separate-stderr balloon-set -P -c "$URI" --state state "$@"
	output=$(echo "$output" | cut -d, -f2-)
}

@test "guest: wss-load in it says over a virtio-serial port what it touches" {
	until_true truth_has 4
	# the first window holds the loading of the program too; 51200 pages are 204800 KiB, all read, none written
	cat <(tr -d '\r' <"$LV/guest.wss.truth" | head -n 5) >records
	is "$(sed -n '4,5p' records | cut -d, -f3-)" $'guest,204800,204800,0\nguest,204800,204800,0'
	is "$(head -n 1 records)" t_ns,window_ns,vm,set_kib,touched_kib,written_kib
}

@test "guest: balloon-set without --apply leaves it as it is" {
	fresh
	balloon_set < <(target $((ALL - 16384)))
	stdout_is $'vm,target_kib,actual_kib,result\nguest,'$((ALL - 16384)),$ALL,dry-run
	actual_is $ALL
	[ ! -e state ]
}

@test "guest: balloon-set takes 168 MiB and it swaps nothing in, though 200 MiB are only read; --restore after SIGKILL" {
	local want=$((ALL - 168 * 1024))
	fresh
	mkfifo in
	balloon-set -P -c "$URI" --state state --apply <in >acks 3>&- &
	local pid=$!
	later_kill "$pid"
	exec 7>in
	target $want >&7
	until_true grep -q ",guest,$want,$want,done" acks
	actual_is $want
	lives
	is "$(stat swap_in)" 0
	kill -KILL "$pid"
	exec 7>&-
	balloon_set --restore
	stdout_is $'vm,target_kib,actual_kib,result\nguest,'$ALL,$ALL,done
	actual_is $ALL
	is "$(ls state)" ''
	lives
}

@test "guest: balloon-set does not go below what it cannot give and the reserve" {
	fresh
	local usable
	usable=$(stat usable)
	balloon_set --apply < <(target 65536)
	is "$status$stderr" 0
	local ack
	ack=$(tail -n 1 <<<"$output")
	is "${ack%%,floor}" "guest,65536,$(stat actual)"
	# the guest's other needs move a little meanwhile
	between $((ALL - usable + 65536 - 8192)) "$(stat actual)" $((ALL - usable + 65536 + 8192))
	lives
	is "$(stat swap_in)" 0
	balloon_set --restore
	actual_is $ALL
}

@test "guest: what it could give before another balloon-set took some is not believed" {
	fresh
	local usable
	usable=$(stat usable)
	balloon_set --apply < <(target $((ALL - 131072)))
	balloon_set --apply < <(target 65536)
	is "$(tail -n 1 <<<"$output" | cut -d, -f2,4)" 65536,floor
	between $((ALL - usable + 65536 - 8192)) "$(stat actual)" $((ALL - usable + 65536 + 8192))
	balloon_set --restore
	actual_is $ALL
}

@test "guest: one that stands still is stuck, 75, and does not follow later" {
	virsh -q -c "$URI" suspend guest
	# what it can give is not known any more when it has said nothing for three periods
	balloon_set --apply --trust-lower-bound --follow 500ms < <(target $((ALL - 65536)))
	virsh -q -c "$URI" resume guest
	is "$status" 75
	stdout_is $'vm,target_kib,actual_kib,result\nguest,'$((ALL - 65536)),$ALL,stuck
	stderr_is 'balloon-set: warning: guest: its guest does not follow'
	lives
	actual_is $ALL
}

@test "guest: what it can give is unknown when it is not asked, and it does not shrink" {
	virsh -q -c "$URI" dommemstat guest --period 0 --live
	balloon_set --apply < <(target $((ALL - 65536)))
	virsh -q -c "$URI" dommemstat guest --period 1 --live
	stdout_is $'vm,target_kib,actual_kib,result\nguest,'$((ALL - 65536)),$ALL,no-usable
	actual_is $ALL
}

@test "guest: libvirtd goes and comes back; balloon-set says so and goes on" {
	fresh
	mkfifo in
	balloon-set -P -c "$URI" --state state --apply <in >acks 2>words 3>&- &
	later_kill $!
	exec 7>in
	target $ALL >&7
	until_true grep -q ",guest,$ALL,$ALL,done" acks
	"$TOP/scripts/guest/libvirt" kill "$LV"
	target $((ALL - 8192)) >&7
	until_true grep -q ",guest,$((ALL - 8192)),,unreachable" acks
	"$TOP/scripts/guest/libvirt" again "$LV" 7>&- # which would keep the input open
	fresh
	target $((ALL - 16384)) >&7
	until_true grep -q ",guest,$((ALL - 16384)),$((ALL - 16384)),done" acks
	exec 7>&-
	wait $!
	balloon_set --restore
	actual_is $ALL
}
