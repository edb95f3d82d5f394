# SPDX-License-Identifier: GPL-2.0-or-later
# The methods of wss-estimate, each against an example worked out by hand, and the shapes that were published.
load helper

COUNTS=t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind
S=000000000

# pages SECOND GFN PAGES EVENTS: a page row of a window of 1 s. closing SECOND [LOST [BLIND [MEMORY]]]: its closing row.
pages() { echo "$1$S,1$S,a,,$2,$3,$4,0,$4,,,,,"; }
closing() { echo "$1$S,1$S,a,,,0,,,,${2-0},${4-100000},90000,1$S,${3-0}"; }

# counter TENTHS NAME VALUE [VM]
counter() { echo "${1}00000000,${4-a},$2,$3"; }

# estimates METHOD [OPTION...]: of ./in, a line each: seconds, size, bounds, note.
estimates() {
	wss-estimate -P -m "$@" in | sed 's/"[^"]*"/method/' | awk -F, 'NR > 1 { print $1 / 1e9, "[" $6 "|" $5 "|" $7 "]", $11 }' | sed 's/ $//'
}

# ---- prl ----

# tau 2, mu 2 s, omega 4 s. Page 10 once in each window, page 11 three times in the first, page 20 from window 9 on.
# More than 2 events have: 11 from window 1 on, 10 from window 3 on. Looks at 2, 4, 6, 8 s see 1, 2, 2, 2 pages: stable at
# 8 s, and page 20 comes too late.
@test "wss-estimate: prl, an example worked out by hand" {
	{
		echo "$COUNTS"
		for t in 1 2 3 4 5 6 7 8 9 10; do
			pages $t 10 1 1
			[ $t != 1 ] || pages $t 11 1 3
			[ $t -lt 9 ] || pages $t 20 1 9
			closing $t
		done
	} >in
	estimates prl:2,mu=2s,omega=4s >got
	file_is got '1 [||] warming
2 [4|4|4] warming
3 [4|4|4] warming
4 [8|8|8] warming
5 [8|8|8] warming
6 [8|8|8] warming
7 [8|8|8] warming
8 [8|8|8]
9 [8|8|8]
10 [8|8|8]'
}

@test "wss-estimate: prl, pages that are just not hot, and address spaces that add up" {
	{ echo "$COUNTS"; pages 1 10 1 2; echo "1$S,1$S,a,1,30,1,2,0,2,,,,,"; echo "1$S,1$S,a,2,30,1,1,0,1,,,,,"; closing 1; } >in
	estimates prl:tau=2,mu=1s >got
	file_is got '1 [4|4|4] warming'
}

@test "wss-estimate: prl never takes an idle VM for stable, and events lost until it is stable count for good" {
	{ echo "$COUNTS"; for t in 1 2 3 4; do closing $t; done; pages 5 0 2 1; closing 5 3; for t in 6 7; do closing $t; done
		closing 8 9; } >in
	estimates prl:tau=0,mu=1s,omega=2s >got
	file_is got '1 [0|0|0] warming
2 [0|0|0] warming
3 [0|0|0] warming
4 [0|0|0] warming
5 [8|8|20] lost
6 [8|8|20] lost
7 [8|8|20] lost
8 [8|8|20] lost'
}

# One pass a second: after 60 s each page has 60 events, and so has the noise, which is written in each period of 1 s. The
# look at 60 s is the first that sees them, the one at 180 s finds the number stable.
# bats test_tags=slow
@test "wss-estimate: prl finds 400 MB and the noise in RWRW, RRWW and WWRR, whatever comes first" {
	for load in RRWW WWRR RWRW; do
		wss-trace -s "model:$load?noise=8MiB" -p 1s -n 190 | wss-count | wss-estimate -P -m prl |
			awk -F, 'NR > 1 && $1 % 30e9 == 0 { print $1 / 1e9, $5 / 1024, $11 }' >got
		# With a write after each read a page has 60 events after 30 s, the noise has 30.
		at_30=0
		[ $load != RWRW ] || at_30=400
		file_is got "30 $at_30 warming
60 408 warming
90 408 warming
120 408 warming
150 408 warming
180 408 "
	done
}

# ---- damon ----

# Aggregations of 3 windows, n 2. Page 10 is accessed in two windows of the first one; 11, nine times, and 20 in one.
@test "wss-estimate: damon, an example worked out by hand" {
	{ echo "$COUNTS"; pages 1 10 2 9; closing 1; pages 2 10 1 1; closing 2 1; pages 3 20 1 1; closing 3
		pages 4 20 1 1; closing 4; for t in 5 6; do closing $t; done; } >in
	estimates damon:2,samples=3 >got
	file_is got '1 [||] warming
2 [||] warming
3 [4|4|8] lost
4 [4|4|8] lost
5 [4|4|8] lost
6 [0|0|0]'
	estimates damon:n=1,samples=3 | cut -d' ' -f2 | xargs >got
	file_is got '[||] [||] [12|12|16] [12|12|16] [12|12|16] [4|4|4]'
}

# ---- cold ----

# Age 3 s. Pages 10 and 11 are touched in the window that ends at 1 s, page 10 at 2 s too: cold at 4 s and at 5 s.
@test "wss-estimate: cold, an example worked out by hand" {
	{ echo "$COUNTS"; pages 1 10 2 1; closing 1 5; pages 2 10 1 1; closing 2; for t in 3 4 5; do closing $t; done; } >in
	estimates cold:3s >got
	file_is got '1 [8|8|28] lost
2 [8|8|28] lost
3 [8|8|28] lost
4 [4|4|4]
5 [0|0|0]'
	sed -i 's/,5,100000/,0,100000/' in
	estimates cold:age=3s | cut -d' ' -f3 | xargs >got
	file_is got 'warming warming'
}

# 16000 windows of 1 ms, the page touched in the first. Two windows share an epoch, so that it may stay 2 ms too long.
# As above: at 2 s page 11 is one second old; at 3 s page 10 is one second old and page 11 two; at 4 s page 11 is cold, and
# at 5 s nothing is left.
@test "wss-estimate: ages of cold by hand" {
	{ echo "$COUNTS"; pages 1 10 2 1; closing 1; pages 2 10 1 1; closing 2; for t in 3 4 5; do closing $t; done; } >in
	run -0 wss-estimate -P -m cold:3s --ages ages in
	cut -d, -f1,4- ages >got
	file_is got 't_ns,method,age_ns,pages
1000000000,cold:3s,0,2
2000000000,cold:3s,0,1
2000000000,cold:3s,1000000000,1
3000000000,cold:3s,1000000000,1
3000000000,cold:3s,2000000000,1
4000000000,cold:3s,2000000000,1'
}

@test "wss-estimate: cold with windows much shorter than the age" {
	awk -v header="$COUNTS" 'BEGIN {
		print header
		print "1000000,1000000,a,,5,1,1,0,1,,,,,"
		for (i = 1; i <= 16000; i++) printf "%d000000,1000000,a,,,0,,,,0,9,9,,0\n", i
	}' >in
	run -0 bash -c 'wss-estimate -P -m cold:10s in | grep -c ",cold:10s,4,4,4,"'
	between 10000 "$output" 10002
}

# ---- vmware ----

# No page touched: 0 of 100; Wilson's upper bound is z^2 / (n + z^2) = 3.8415 / 103.8415 = 0.036994 of 100000 pages.
# Every page: 100 of 100; lower bound n / (n + z^2) = 0.963006.
@test "wss-estimate: vmware, none and all of the memory, worked out by hand" {
	{ echo "$COUNTS"; closing 1; pages 2 0 100000 1; closing 2; closing 3; closing 4 10; } >in
	estimates vmware:interval=1s >got
	file_is got '1 [||] warming
2 [385200|400000|400000]
3 [0|0|14800]
4 [0|0|14840] lost'
}

@test "wss-estimate: vmware counts in an interval, and says so again until the next one ends" {
	{ echo "$COUNTS"; closing 1; pages 2 0 50000 1; closing 2; pages 3 50000 50000 1; closing 3; closing 4; closing 5; } >in
	estimates vmware:interval=2s >got
	file_is got '1 [||] warming
2 [||] warming
3 [385200|400000|400000]
4 [385200|400000|400000]
5 [0|0|14800]'
}

@test "wss-estimate: vmware, a memory of one page, which is chosen each time" {
	{ echo "$COUNTS"; closing 1 0 0 1; pages 2 0 1 1; closing 2 0 0 1; pages 3 1 1 1; closing 3 0 0 1; } >in
	estimates vmware:10,interval=1s | cut -d'|' -f2 | xargs >got
	file_is got '4 0'
}

# The second of two pages is not touched: half of the memory, less what is rounded.
@test "wss-estimate: vmware does not count the page behind a run" {
	{ echo "$COUNTS"; closing 1 0 0 2; pages 2 0 1 1; closing 2 0 0 2; } >in
	between 0 "$(estimates vmware:1000,interval=1s | tail -1 | cut -d'|' -f2)" 4
}

@test "wss-estimate: vmware needs frame numbers and the size of the memory" {
	{ echo "$COUNTS"; pages 1 0 9 1; closing 1 0 0 ''; pages 2 0 9 1; closing 2 0 8; closing 3 0 0; } >in
	estimates vmware:interval=1s >got
	file_is got '1 [||] no-data
2 [||] no-data
3 [||] warming'
}

# A set of 400 MiB in 2 GiB: p = 0.1953. The mean absolute deviation of a binomial is about sqrt(2 p q n / pi), which is
# 16.2 % of np for n = 100, and halves with 4 times as many pages. Wilson's interval holds the truth 95 times of 100.
# bats test_tags=slow
@test "wss-estimate: vmware over 10,000 intervals errs as the binomial distribution does" {
	awk -v header="$COUNTS" 'BEGIN {
		print header
		for (i = 1; i <= 10001; i++) {
			printf "%d000000000,1000000000,a,,65536,102400,1,0,1,,,,,\n", i
			printf "%d000000000,1000000000,a,,,102400,,,,0,524288,524288,,0\n", i
		}
	}' >in
	wss-estimate -P -m vmware:100,interval=1s -m vmware:400,interval=1s -m vmware:1600,interval=1s in | tr -d '"' |
		sed 's/,interval=1s//' | awk -F, '
		$5 == "" || NR == 1 { next }
		{ n = substr($4, 8); all[n]++ }
		{ error = $5 / 409600 - 1; sum[n] += error < 0 ? -error : error; bias[n] += error }
		$6 <= 409600 && $7 >= 409600 { inside[n]++ }
		END { for (n = 100; n <= 1600; n *= 4)
			printf "%d %d %d %d %d\n", n, all[n], 1e5 * sum[n] / all[n], 1e5 * bias[n] / all[n], 1e4 * inside[n] / all[n] }
	' >got
	while read -r n all error bias inside; do
		is "$all" 10000
		case $n in
		100) between 15300 "$error" 17300 ;;
		400) between 7800 "$error" 8400 ;;
		1600) between 3900 "$error" 4200 ;;
		esac
		between -500 "$bias" 500
		between 9350 "$inside" 9650
	done <got
	is "$(cut -d' ' -f1 got | xargs)" '100 400 1600'
}

@test "wss-estimate: vmware chooses by its seed" {
	{ echo "$COUNTS"; closing 1; pages 2 0 40000 1; closing 2; } >in
	for seed in 1 1 2 3; do estimates vmware:1000,interval=1s,seed=$seed | tail -1; done >got
	is "$(sed -n 1p got)" "$(sed -n 2p got)"
	is "$(sort -u got | wc -l)" 3
}

# ---- counters ----

COUNTERS=t_ns,vm,counter,value

# Guest: 4000 KiB committed, 8000 KiB from 5.5 s on; swaps in at 3.5 s, refaults at 7.5 s. Others say nothing.
guest_counters() {
	echo "$COUNTERS"
	counter 5 Committed_AS 4000
	counter 5 pswpin 7
	counter 5 pswpout 1
	counter 10 Committed_AS 4000
	counter 30 Committed_AS 1 b
	counter 35 pswpin 8
	counter 55 Committed_AS 8000
	counter 65 workingset_refault_file 5
	counter 75 workingset_refault_file 6
	counter 85 Committed_AS 1
}
eight_windows() { echo "$COUNTS"; for t in 1 2 3 4 5 6 7 8; do closing $t; done; }

# Steps of 10 %: 4000, 3600, 3200, held by the swap-in; 8000 again, 7200, held by the refault: that the counter is there at
# 6.5 s is no refault yet.
@test "wss-estimate: zballoond and self-ballooning, an example worked out by hand" {
	guest_counters >counters
	eight_windows >in
	estimates zballoond:10% --counters counters | cut -d'|' -f2- | xargs >got
	file_is got '4000|] 3600|] 3200|] 3200|] 3200|] 8000|] 7200|] 7200|]'
	estimates zballoond:step=10%,epoch=2s -c counters | cut -d'|' -f2 | xargs >got
	file_is got '4000 4000 3600 3600 3600 8000 8000 8000'
	gzip -k counters
	estimates self-ballooning -c counters.gz | cut -d'|' -f2 | xargs >got
	file_is got '4000 4000 4000 4000 4000 8000 8000 8000'
}

@test "wss-estimate: zballoond ends at nothing" {
	{ echo "$COUNTERS"; counter 5 Committed_AS 4000; counter 5 pswpin 0; } >counters
	eight_windows >in
	estimates zballoond:30% -c counters | cut -d'|' -f2 | xargs >got
	file_is got '4000 2800 1600 400 0 0 0 0'
}

# 10 pages written: 40 KiB. 100 KiB referenced: 100, at most 140. 20 KiB referenced: 40, at most 60, and 4 for a lost event.
@test "wss-estimate: fusion, an example worked out by hand" {
	{ echo "$COUNTS"; for t in 1 2 3 4; do pages $t 0 10 1; closing $t $((t / 4)) 1; done; closing 5 0 1; } >in
	{ echo "$COUNTERS"; counter 15 Referenced 100; counter 30 Referenced 20; } >counters
	estimates fusion -c counters >got
	file_is got '1 [||] no-data
2 [100|100|140]
3 [40|40|60]
4 [40|40|64] lost
5 [20|20|20]'
}

@test "wss-estimate: methods without their counters have no value, and need --counters" {
	{ echo "$COUNTERS"; counter 5 Committed_AS 4000; counter 5 pswpin 1 b; } >counters
	{ echo "$COUNTS"; closing 1; } >in
	is "$(estimates zballoond -c counters)" '1 [||] no-data'
	is "$(sed -i s/Committed/Omitted/ counters; estimates self-ballooning -c counters)" '1 [||] no-data'
	is "$(estimates fusion -c counters)" '1 [||] no-data'
	run --separate-stderr -64 wss-estimate -P -m threshold -m zballoond in
	stderr_is "wss-estimate: --method: zballoond needs --counters; try 'wss-estimate --help'"
}

@test "wss-estimate: methods on counters alone take events too, beside those that need events" {
	{ echo "$COUNTERS"; counter 5 Committed_AS 4000 model; } >counters
	wss-trace -s model:1s:10w -n 2 -p 1s >events
	is "$(wss-estimate -m self-ballooning -c counters events | column wss_kib | xargs)" '4000 4000'
	is "$(wss-estimate -m self-ballooning -m mrc -c counters events | column wss_kib | xargs)" '4000 40 4000 40'
}

@test "wss-estimate: counters of VMs in any order find their windows" {
	{ echo "$COUNTERS"; for t in 5 15; do counter $t Committed_AS $((t * 4)); done
		for t in 5 15; do counter $t Committed_AS $((t * 40)) b; done; } >counters
	{ echo "$COUNTS"; closing 1; closing 2; closing 1 | sed s/,a,/,b,/; closing 2 | sed s/,a,/,b,/; } >forward
	{ echo "$COUNTS"; closing 1 | sed s/,a,/,b,/; closing 1; closing 2 | sed s/,a,/,b,/; closing 2; } >mixed
	is "$(wss-estimate -m self-ballooning -c counters forward | column wss_kib | xargs)" '20 60 200 600'
	is "$(wss-estimate -m self-ballooning -c counters mixed | column wss_kib | xargs)" '200 20 600 60'
}

@test "wss-estimate: nobody waits for counters: no writer, half a row, late rows" {
	mkfifo in counters
	wss-estimate -P -m self-ballooning -c counters in >out 3>&- &
	later_kill $!
	exec 8<>in
	{ echo "$COUNTS"; closing 1; } >&8
	until_true grep -q "^1$S,.*,no-data" out
	exec 9<>counters
	printf '%s\n5,a,Comm' "$COUNTERS" >&9
	closing 2 >&8
	until_true grep -q "^2$S,.*,no-data" out
	printf 'itted_AS,4000\n' >&9
	closing 3 >&8
	until_true grep -q "^3$S,1$S,a,self-ballooning,4000,,,400000,360000,0,$" out
	exec 9>&-
	closing 4 >&8
	until_true grep -q "^4$S,1$S,a,self-ballooning,4000,,,400000,360000,0,$" out
	exec 8>&-
}

@test "wss-estimate: counters that are not what they should be" {
	eight_windows >in
	run --separate-stderr -66 wss-estimate -P -m self-ballooning -c nowhere in
	stderr_is "wss-estimate: cannot read nowhere: No such file or directory"
	run --separate-stderr -65 wss-estimate -P -m self-ballooning -c in in
	stderr_is "wss-estimate: in: line 1: count records, need counter records"
	{ echo "$COUNTERS"; counter 5 x 1; counter 4 x 1; } >back
	run --separate-stderr -65 wss-estimate -P -m self-ballooning -c back in
	stderr_is "wss-estimate: back: line 3: column 't_ns': goes back from 500000000 to 400000000 for VM 'a'"
}

@test "wss-estimate: a file of counters that grows is followed" {
	{ echo "$COUNTERS"; counter 5 Committed_AS 4000; } >counters
	mkfifo in
	wss-estimate -P -m self-ballooning -c counters in >out 3>&- &
	later_kill $!
	exec 8<>in
	{ echo "$COUNTS"; closing 1; } >&8
	until_true grep -q "^1$S,.*,self-ballooning,4000," out
	counter 15 Committed_AS 8000 >>counters
	closing 2 >&8
	until_true grep -q "^2$S,.*,self-ballooning,8000," out
	exec 8>&-
}

# ---- geiger ----

# The VM has 2 pages of cache, frames 7 and 8. Blocks 1 2 3 4 1 2 3 4 1 are read, each into the page that is oldest: LRU.
# An LRU memory of 4 pages, 2 more, would have kept all four; each is read again from place 2 of the ghost buffer.
# Then 4, which is still held, comes from disk into its own page: nothing. Nothing in the third window.
# In the fourth 3 is written from frame 7 (1 goes), and 1 is read again, from place 1.
@test "wss-estimate: geiger, an example worked out by hand" {
	{
		echo t_ns,vm,vcpu,event,gfn,pages,arg,lost
		echo 0,a,,begin,,,,
		echo 0,a,,size,,100,2,
		i=0
		for block in 1 2 3 4; do echo "1,a,,bread,$((7 + i++ % 2)),1,$block,"; done
		echo 1$S,a,,tick,,,1$S,
		for block in 1 2 3 4 1; do echo "1$S,a,,bread,$((7 + i++ % 2)),1,$block,"; done
		echo 2$S,a,,tick,,,1$S,
		echo "2$S,a,,bread,8,1,4,"
		echo 3$S,a,,tick,,,1$S,
		echo "3$S,a,,bwrite,7,1,3,"
		echo "3$S,a,,bread,8,1,1,"
		echo 4$S,a,,tick,,,1$S,
	} >in
	estimates geiger:interval=1s >got
	file_is got '1 [||] no-data
2 [|16|]
3 [||] no-data
4 [|12|]'
	estimates geiger:interval=2s | cut -d'|' -f2- | xargs >got
	file_is got '|] warming 16|] 16|] 12|]'
}

# Block 1 is in frames 7 and 8, so that block 3 evicts nothing from frame 7; 5 is read again from place 1, not 2.
@test "wss-estimate: geiger, a block that another page holds is not evicted; rows without block or frame say nothing" {
	{
		echo t_ns,vm,vcpu,event,gfn,pages,arg,lost
		echo 0,a,,begin,,,,
		echo 0,a,,size,,100,2,
		echo "1,a,,bread,7,1,1,"
		echo "1,a,,bread,8,1,1,"
		for block in 5 2; do echo "1,a,,bread,9,1,$block,"; done
		echo "1,a,,bread,7,1,3,"
		echo "1,a,,bread,9,1,,"
		echo "1,a,,bread,,1,3,"
		echo "1,a,,bread,9,1,5,"
		echo 1$S,a,,tick,,,1$S,
	} >in
	is "$(estimates geiger:interval=1s)" '1 [|12|]'
}

# 1 2 3 4 come into one page; then 1 from place 3 of the ghost buffer, 4 from place 1, which is enough for half of them.
@test "wss-estimate: geiger, a share of the blocks read again" {
	{
		echo t_ns,vm,vcpu,event,gfn,pages,arg,lost
		echo 0,a,,size,,100,2,
		for block in 1 2 3 4 1 4; do echo "1,a,,bread,9,1,$block,"; done
		echo 1$S,a,,tick,,,1$S,
	} >in
	is "$(estimates geiger:interval=1s)" '1 [|20|]'
	is "$(estimates geiger:50%,interval=1s)" '1 [|12|]'
}

# ---- badis ----

# badis_events ROUND...: a window of 1 s each. The VM has 10 pages, 8 of which can be sampled: a sample sees all or none, and
# is certain. ROUND: t, all 8 are touched; s, one of four blocks in turn is read into the same page: it was evicted as the
# third before, 3 pages more would have kept it. L, an event was lost; x, the size of the VM is not known;
# b, no frame numbers.
badis_events() {
	local second=0 block=0 round
	echo t_ns,vm,vcpu,event,gfn,pages,arg,lost
	echo 0,a,,begin,,,,
	for block in 0 1 2 3; do echo "0,a,,bread,9,1,$block,"; done
	for round; do
		case $round in *x*) echo "$second$S,a,,size,,8,,"; ;; *) echo "$second$S,a,,size,,8,10,"; ;; esac
		case $round in *b*) echo "$second$S,a,,blind,,,8,"; ;; *) echo "$second$S,a,,blind,,,0,"; ;; esac
		case $round in *t*) echo "$second$S,a,,write,0,8,,"; ;; esac
		case $round in *s*) echo "$second$S,a,,bread,9,1,$((++block % 4)),"; ;; esac
		case $round in *L*) lost=1 ;; *) lost= ;; esac
		echo "$((++second))$S,a,,tick,,,1$S,$lost"
	done
}
# Each round alone.
ALONE=average=1,keep=1ns,vmware=1s,geiger=1s

# V: nothing is touched, swap activity does not count; then 8 pages are 80 % of the VM's 10: to VG. There 10 + 3 when it
# swaps; the 2 not sampled then are pinned, 20 %, and from now on added: 8 + 2. After a round without, two with: to G. There
# 10, what it has, in a round without; after one with, two without: to V, and at the end to VG again.
@test "wss-estimate: badis, through its states and back, worked out by hand" {
	badis_events - s t ts t ts ts - s - - - s t ts >in
	estimates badis:$ALONE >got
	file_is got '1 [||] warming
2 [|0|]
3 [|32|]
4 [|52|]
5 [|40|]
6 [|52|]
7 [|52|]
8 [|40|]
9 [|52|]
10 [|40|]
11 [|40|]
12 [|8|]
13 [|8|]
14 [|40|]
15 [|52|]'
}

# VG from 2 s on, as long as memory is full, swap activity or not: it counts at 5 s, and 2 pages are pinned. Then two rounds
# without it, and memory not full: to V. In the second run swap activity in an idle VG finds all 10 pages pinned: full again.
@test "wss-estimate: badis, in VG as long as memory is full, worked out by hand" {
	badis_events - t t t ts - - s s >in
	estimates badis:$ALONE | cut -d'|' -f2 | xargs >got
	file_is got '32 32 32 52 8 8 8 8'
	badis_events - t ts - s - - s >in
	estimates badis:$ALONE | cut -d'|' -f2 | xargs >got
	file_is got '32 52 8 52 40 40 52'
}

# From G to V after two rounds without swap activity, full or not: at 7 s it does not count. Then: a new stay in VG counts
# anew, so that at 7 s it is still there. Last: all 10 pages are found pinned at 3 s; with the 8 sampled they are still 10.
@test "wss-estimate: badis, from G to V, anew into VG, and never more than memory without swap activity" {
	badis_events - t ts ts t t ts >in
	estimates badis:$ALONE | cut -d'|' -f2 | xargs >got
	file_is got '32 52 52 40 40 40'
	badis_events - t - - t - ts >in
	estimates badis:$ALONE | cut -d'|' -f2 | xargs >got
	file_is got '32 0 0 32 0 52'
	badis_events - t s t >in
	estimates badis:$ALONE | cut -d'|' -f2 | xargs >got
	file_is got '32 52 40'
}

# 81 % is more than 8 pages: V for ever. One round of swap activity and G, one without and V.
@test "wss-estimate: badis, thresholds and rounds in a row that are asked for" {
	badis_events - t ts ts t - - s >in
	estimates badis:81%,$ALONE | cut -d'|' -f2 | xargs >got
	file_is got '32 32 32 32 0 0 0'
	estimates badis:rounds=1,$ALONE | cut -d'|' -f2 | xargs >got
	file_is got '32 52 52 40 8 8 8'
}

# Rounds of 2 s in V and VG, of 1 s in G: 0 of them at 3 s (what the first window touches is before it), 8 at 5 s: to VG;
# 13 at 7 s and at 9 s: to G; 13 at 10 s, 10 at 11 s, 10 at 12 s: to V; 2 at 14 s. An estimate stands until the next.
@test "wss-estimate: badis, lengths of rounds, worked out by hand" {
	badis_events t - - - t ts - ts - s - - - - >in
	estimates badis:average=1,keep=1ns,vmware=2s,geiger=1s | cut -d'|' -f2 | xargs >got
	file_is got '0 0 32 32 52 52 52 52 40 40 40 8'
}

# Rounds 8 0 8 8 0 0 0 0 pages from 2 s on, average of two: 8 4 4 8 4 0 0 0; the largest of the last three: 8 8 8 8 8 8 4 0.
@test "wss-estimate: badis, the largest moving average, worked out by hand" {
	badis_events - t - t t - - - - >in
	estimates badis:100%,average=2,keep=3s,vmware=1s >got
	file_is got '1 [||] warming
2 [|32|] warming
3 [|32|]
4 [|32|]
5 [|32|]
6 [|32|]
7 [|32|]
8 [|16|]
9 [|0|]'
}

# An event lost in the round to 3 s is in the averages of 3 s and 4 s, and these are in the estimates up to 6 s. A window
# without the size or frame numbers gives no value, and no round is in it or begins at its end: the next is that of 11 s.
@test "wss-estimate: badis, lost events and windows without the size of the VM or frame numbers" {
	badis_events - t L t t t t x b t - >in
	estimates badis:100%,average=2,keep=3s,vmware=1s >got
	file_is got '1 [||] warming
2 [|32|] warming
3 [|32|] lost
4 [|32|] lost
5 [|32|] lost
6 [|32|] lost
7 [|32|]
8 [||] no-data
9 [||] no-data
10 [|32|]
11 [|16|]'
}
