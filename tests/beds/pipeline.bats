# SPDX-License-Identifier: GPL-2.0-or-later
# The whole pipeline on a guest of libvirt: it writes 100 MiB three times each second, so that a second which a busy machine
# cuts short has all of it too; it only reads 200 MiB, and has swap.
load ../helper
load ../guests

ALL=786432 # KiB

setup_file() {
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	local work=$BATS_FILE_TMPDIR
	libvirt_up
	[ -z "$GUEST_CANNOT" ] || return 0
	cat >"$work/job" <<-'JOB'
		#!/bin/sh
		echo 256M >/sys/block/zram0/disksize
		mkswap /dev/zram0 && swapon /dev/zram0
		wss-load -P --name=guest --also=1s:51200r 1s:25600w*3 >/dev/virtio-ports/wss.truth
	JOB
	"$TOP/scripts/guest/initrd" -m zram -f "$TOP/bin/wss-load" -j "$work/job" -o "$work/initrd"
	"$TOP/scripts/guest/domain" -d "$LV" -n guest -M 768 -i "$work/initrd" -p wss.truth >"$work/xml"
	vir define "$work/xml"
	vir start guest
}

teardown_file() { libvirt_down; }

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	need_guests
	until_said 120 truth_has 3
}

truth_has() { [ "$(grep -c ,guest, "$LV/guest.wss.truth")" -ge "$1" ]; }

# The guest lives and keeps its speed: it has more windows, of which two in a row are a second long; on a busy machine not
# the first two.
lives() {
	local n
	n=$(grep -c ,guest, "$LV/guest.wss.truth")
	keeps_speed() {
		truth_has $((n + 3)) && tail -n 2 "$LV/guest.wss.truth" | awk -F, '$2 < 7e8 || $2 > 1.3e9 { slow = 1 } END { exit slow }'
	}
	until_said 60 keeps_speed
}

stat() { vir dommemstat guest | awk -v name="$1" '$1 == name { print $2 }'; }
actual_is() { [ "$(stat actual)" = "$1" ]; }
restored() {
	balloon-set --restore -P -c "$URI" --state state >/dev/null
	until_true actual_is $ALL
}

# mean FILE FIRST LAST: of wss_kib in these rows, from 1.
mean() { column wss_kib <"$1" | awk -v a="$2" -v b="$3" 'NR >= a && NR <= b { s += $1; n++ } END { printf "%d\n", s / n }'; }

@test "pipeline: taking 168 MiB from a guest changes the estimate by less than 3 %, and swaps nothing in" {
	local want=$((ALL - 168 * 1024)) before during after rows
	mkfifo events
	wss-trace -s "libvirt:guest?uri=$URI" -p 1s --max-overhead 0% >events 3>&- &
	later_kill $!
	wss-count events | wss-estimate -m threshold:1 -P >estimates 3>&- &
	until_said 60 lines estimates 6
	before=$(mean estimates 2 5)
	{
		echo t_ns,vm,method,wss_kib,gap_kib,target_kib,actual_kib,memory_kib,reason
		echo "1,guest,m,,,$want,,,follow"
	} | balloon-set --apply -P -c "$URI" --state state >acks
	rows=$(($(wc -l <estimates) - 1))
	is "$(tail -n 1 acks | cut -d, -f2-)" "guest,$want,$want,done"
	actual_is $want
	until_said 60 lines estimates $((rows + 6))
	during=$(mean estimates 6 $((rows + 1)))
	after=$(mean estimates $((rows + 2)) $((rows + 4)))
	echo "# $before KiB before, $during while, $after afterwards" >&3
	# 100 MiB and what the guest's kernel writes
	between 102400 "$before" 110000
	between $((before * 97 / 100)) "$during" $((before * 103 / 100))
	between $((before * 97 / 100)) "$after" $((before * 103 / 100))
	is "$(stat swap_in)" 0
	lives
	restored
}

@test "pipeline: SIGTERM and SIGKILL of each stage: the others end, the guest keeps its speed and gets its memory back" {
	local signal stage pids
	ended() { ! kill -0 "${pids[@]}" 2>/dev/null; }
	mkfifo events counts estimates targets
	for signal in TERM KILL; do
		for stage in 0 1 2 3 4; do
			echo "# SIG$signal of stage $stage"
			: >acks
			wss-trace -s "libvirt:guest?uri=$URI" -p 500ms --max-overhead 0% >events 3>&- &
			pids=($!)
			wss-count events >counts 3>&- &
			pids+=($!)
			wss-estimate -m threshold:1 counts >estimates 3>&- &
			pids+=($!)
			balloon-tune --trust-lower-bound --min-gap=448MiB estimates >targets 3>&- &
			pids+=($!)
			balloon-set --apply -P -c "$URI" --state state targets >acks 3>&- &
			pids+=($!)
			for pid in "${pids[@]}"; do later_kill "$pid"; done
			until_said 60 lines acks 2
			kill -$signal "${pids[$stage]}"
			until_said 60 ended
			lives
			restored
		done
	done
	is "$(stat swap_in)" 0
}
