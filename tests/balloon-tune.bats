# SPDX-License-Identifier: GPL-2.0-or-later
load helper

ESTIMATES=t_ns,window_ns,vm,method,wss_kib,low_kib,high_kib,memory_kib,actual_kib,blind,note
TARGETS=t_ns,vm,method,wss_kib,gap_kib,target_kib,actual_kib,memory_kib,reason
S=000000000
MIB=1024
GIB=1048576

# estimate VM SECOND WSS HIGH MEMORY ACTUAL NOTE: a row of a window of 1 s.
estimate() { echo "$2$S,1$S,$1,threshold,$3,$3,$4,$5,$6,0,$7"; }

# tuned OPTION...: target and reason of each row, for the rows on standard input.
tuned() { { echo "$ESTIMATES"; cat; } | balloon-tune -P "$@" | awk -F, 'NR > 1 { print $6, $9 }'; }

@test "balloon-tune: working set plus a tenth, where the VM is near it" {
	{ echo "$ESTIMATES"; estimate a 1 800000 800000 $GIB 900000; } >in
	run --separate-stderr -0 balloon-tune -P in
	stdout_is "$TARGETS
1$S,a,threshold,800000,80000,880000,900000,$GIB,follow"
	is "$stderr" ''
}

@test "balloon-tune: the gap is a share of the working set, but not less than the minimum" {
	estimate a 1 $((400 * MIB)) $((400 * MIB)) $GIB $((500 * MIB)) >in
	run -0 tuned <in
	stdout_is "$((464 * MIB)) follow"
	run -0 tuned --gap=25% <in
	stdout_is "$((500 * MIB)) follow"
	run -0 tuned --gap=0% --min-gap=0KiB <in
	stdout_is "$((400 * MIB)) follow"
	run -0 tuned --min-gap=70.5MiB <in
	stdout_is "$((4705 * MIB / 10)) follow"
	run -0 tuned --policy=gap <in
	stdout_is "$((464 * MIB)) follow"
}

@test "balloon-tune: at most 128 MiB a second, from where the VM is, both ways" {
	{
		estimate a 1 $((400 * MIB)) $((400 * MIB)) $GIB $((1024 * MIB))
		estimate a 2 $((400 * MIB)) $((400 * MIB)) $GIB $((900 * MIB)) # the guest was faster
		estimate a 3 $((900 * MIB)) $((900 * MIB)) $GIB $((772 * MIB))
		estimate a 4 $((900 * MIB)) $((900 * MIB)) $GIB $((900 * MIB))
	} >in
	run -0 tuned <in
	stdout_is "$((896 * MIB)) rate
$((772 * MIB)) rate
$((900 * MIB)) rate
$((990 * MIB)) follow"
	run -0 tuned --rate=1GiB <in
	stdout_is "$((464 * MIB)) follow
$((464 * MIB)) follow
$((990 * MIB)) follow
$((990 * MIB)) follow"
}

@test "balloon-tune: windows that overlap do not make it faster, missing ones neither" {
	# windows of 10 s, 1 s and then 100 s apart: 1280 MiB, 128 MiB, 1280 MiB
	for t in 10 11 111; do echo "$t$S,10$S,a,threshold,0,0,0,$((8 * GIB)),$((8 * GIB)),0,"; done >in
	run -0 tuned <in
	stdout_is "$((8192 * MIB - 1280 * MIB)) rate
$((8192 * MIB - 128 * MIB)) rate
$((8192 * MIB - 1280 * MIB)) rate"
}

@test "balloon-tune: without the VM's size now it goes on from the last target, at first from all its memory" {
	for t in 1 2 3 4 5 6; do estimate a $t $((400 * MIB)) $((400 * MIB)) $GIB ''; done >in
	run -0 tuned <in
	stdout_is "$((896 * MIB)) rate
$((768 * MIB)) rate
$((640 * MIB)) rate
$((512 * MIB)) rate
$((464 * MIB)) follow
$((464 * MIB)) follow"
}

@test "balloon-tune: bounds" {
	{
		estimate a 1 0 0 $GIB $((300 * MIB))
		estimate a 2 $((1000 * MIB)) $((1000 * MIB)) $GIB $((1000 * MIB))
		estimate b 1 0 0 $((128 * MIB)) $((100 * MIB)) # smaller than the minimum
	} >in
	run -0 tuned <in
	stdout_is "$((256 * MIB)) min
$GIB max
$((128 * MIB)) min"
	run -0 tuned --min=288MiB --max=1004MiB <in
	stdout_is "$((288 * MIB)) min
$((1004 * MIB)) max
$((128 * MIB)) min"
	# outside: to the nearest bound at once
	run -0 tuned --min=500MiB --max=600MiB <in
	stdout_is "$((500 * MIB)) min
$((600 * MIB)) max
$((128 * MIB)) min"
}

@test "balloon-tune: a lower bound alone never shrinks, unless it is trusted; it grows" {
	{ estimate a 1 $((400 * MIB)) '' $GIB $((500 * MIB)); estimate a 2 $((500 * MIB)) '' $GIB $((500 * MIB)); } >in
	run -0 tuned <in
	stdout_is "$((500 * MIB)) lower-bound
$((564 * MIB)) follow"
	run -0 tuned --trust-lower-bound <in
	stdout_is "$((464 * MIB)) follow
$((564 * MIB)) follow"
}

@test "balloon-tune: lost events, a warming method, a cut window, a model beyond what it knows: does not shrink; grows" {
	t=0
	for note in lost warming partial outside; do
		estimate a $((++t)) $((400 * MIB)) $((400 * MIB)) $GIB $((500 * MIB)) $note
		estimate a $((++t)) $((500 * MIB)) $((500 * MIB)) $GIB $((500 * MIB)) $note
	done >in
	run -0 tuned --trust-lower-bound <in
	stdout_is "$((500 * MIB)) lost
$((564 * MIB)) follow
$((500 * MIB)) warming
$((564 * MIB)) follow
$((500 * MIB)) partial
$((564 * MIB)) follow
$((500 * MIB)) outside
$((564 * MIB)) follow"
}

@test "balloon-tune: an unknown estimate: stays" {
	{ echo "$ESTIMATES"; estimate a 1 '' '' $GIB $((500 * MIB)); estimate a 2 '' '' $GIB ''; } >in
	run --separate-stderr -0 balloon-tune -P in
	stdout_is "$TARGETS
1$S,a,threshold,,,$((500 * MIB)),$((500 * MIB)),$GIB,no-estimate
2$S,a,threshold,,,$((500 * MIB)),,$GIB,no-estimate"
}

@test "balloon-tune: a VM of which no size is known gets no target" {
	{ echo "$ESTIMATES"; estimate a 1 1000 1000 '' ''; estimate a 2 '' '' '' ''; estimate a 3 0 0 '' $((500 * MIB)); } >in
	run --separate-stderr -0 balloon-tune -P --max=4GiB in
	stdout_is "$TARGETS
1$S,a,threshold,1000,65536,,,,no-size
2$S,a,threshold,,,,,,no-size
3$S,a,threshold,0,65536,$((372 * MIB)),$((500 * MIB)),,rate"
}

@test "balloon-tune: the largest numbers do not overflow" {
	max=18446744073709551614
	{ echo "$ESTIMATES"; echo "$max,$max,a,threshold,$max,$max,$max,$max,$max,0,"
		echo "$max,$max,b,threshold,$max,$max,$max,,1,0,"; } >in
	run --separate-stderr -0 balloon-tune -P --gap=1000% --rate=17179869183TiB in
	stdout_is "$TARGETS
$max,a,threshold,$max,$max,$max,$max,$max,follow
$max,b,threshold,$max,$max,$max,1,,follow"
}

@test "balloon-tune: several methods for one VM need a choice" {
	{ echo "$ESTIMATES"; estimate a 1 0 0 $GIB $GIB; estimate a 1 0 0 $GIB $GIB | sed s/threshold/aging/; } >in
	run --separate-stderr -65 balloon-tune -P in
	stderr_is "balloon-tune: in: line 3: estimates of VM 'a' by 'threshold' and by 'aging'; choose one with --method"
	run --separate-stderr -0 balloon-tune -P -m aging in
	stdout_is "$TARGETS
1$S,a,aging,0,65536,$((896 * MIB)),$GIB,$GIB,rate"
	run --separate-stderr -65 balloon-tune -P -m agin in
	stderr_is "balloon-tune: no estimates by 'agin', but by 'aging'; see --method"
}

@test "balloon-tune: each VM may have its own method" {
	{ echo "$ESTIMATES"; estimate a 1 0 0 $GIB $GIB; estimate b 1 0 0 $GIB $GIB | sed s/threshold/aging/; } >in
	run --separate-stderr -0 balloon-tune -P in
	is "$(column method <<<"$output" | xargs)" 'threshold aging'
}

@test "balloon-tune: rows leave while the input goes on" {
	mkfifo in
	balloon-tune -P in >out 3>&- &
	later_kill $!
	exec 9>in
	{ echo "$ESTIMATES"; estimate a 1 0 0 $GIB $GIB; } >&9
	until_true grep -q "^1$S,a,threshold," out
	estimate a 2 0 0 $GIB $GIB >&9
	until_true grep -q "^2$S,a,threshold," out
	exec 9>&-
}

@test "balloon-tune: no rows in, no rows out" {
	echo "$ESTIMATES" >in
	run --separate-stderr -0 balloon-tune -P -m aging in
	stdout_is "$TARGETS"
}

@test "balloon-tune: time that goes back within a VM" {
	{ echo "$ESTIMATES"; estimate a 2 0 0 $GIB $GIB; estimate b 1 0 0 $GIB $GIB; estimate a 1 0 0 $GIB $GIB; } >in
	run --separate-stderr -65 balloon-tune -P in
	stderr_is "balloon-tune: in: line 4: column 't_ns': goes back from 2$S to 1$S for VM 'a'"
	is "$(column vm <<<"$output" | xargs)" 'a b'
}

@test "balloon-tune: other records, a missing column" {
	echo "$TARGETS" >in
	run --separate-stderr -65 balloon-tune -P in
	stderr_is "balloon-tune: in: line 1: target records, need estimate records"
	echo "${ESTIMATES%,note}" >in
	run --separate-stderr -65 balloon-tune -P in
	stderr_is "balloon-tune: in: line 1: column 11 is missing, need 'note': no estimate records"
}

@test "balloon-tune: wrong options" {
	try="try 'balloon-tune --help'"
	while read -r option message; do
		run --separate-stderr -64 balloon-tune -P "$option" /dev/null
		stderr_is "balloon-tune: $message; $try"
	done <<-END
		--gap=10 --gap: bad value '10': need a number and %
		--gap=1001% --gap: '1001%' is too large: at most 1000%
		--rate=0KiB --rate: '0KiB' is too small: at least 1KiB
		--max=0KiB --max: '0KiB' is too small: at least 1KiB
		--max=128MiB --max: 128MiB is less than --min, which is 256MiB
		--policy=greed --policy: no policy 'greed'; there is: gap
	END
}

# Made-up VMs of 1 GiB with a minimum of 100 MiB, windows of 1 s, a known place within the bounds or none.
random_estimates() {
	awk -v header="$ESTIMATES" 'BEGIN {
		srand(1)
		print header
		for (t = 1; t <= 3000; t++) {
			wss = int(rand() * 1500000)
			actual = rand() < 0.5 ? "" : 102400 + int(rand() * 946177)
			printf "%d000000000,1000000000,vm%d,threshold,%s,0,%s,1048576,%s,0,%s\n", t, rand() * 3,
				rand() < 0.1 ? "" : wss, rand() < 0.3 ? "" : wss, actual, rand() < 0.2 ? "lost" : ""
		}
	}'
}

@test "balloon-tune: over random estimates bounds and rate hold, and nothing shrinks without reason" {
	random_estimates >in
	balloon-tune -P --min=100MiB in >out
	paste -d, in out | awk -F, 'NR > 1 {
		rows++
		from = $9 != "" ? $9 : ($3 in last) ? last[$3] : 1048576
		target = last[$3] = $17
		if (target < 102400 || target > 1048576) print "out of bounds: " $0
		if (target - from > 131072 || from - target > 131072) print "too fast: " $0
		if (target < from && ($5 == "" || $7 == "" || $11 != "")) print "must not shrink: " $0
		if (target < from) shrunk++
		if (target > from) grown++
	} END { print rows, (shrunk > 500), (grown > 500) }' >got
	file_is got '3000 1 1'
}

@test "balloon-tune: shows progress when asked" {
	{ echo "$ESTIMATES"; estimate a 1 0 0 $GIB $GIB; } >in
	run --separate-stderr -0 balloon-tune --progress in
	[[ $stderr == *'1 targets, 1 VMs'* ]]
}
