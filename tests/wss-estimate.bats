# SPDX-License-Identifier: GPL-2.0-or-later
load helper

COUNTS=t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind
ESTIMATES=t_ns,window_ns,vm,method,wss_kib,low_kib,high_kib,memory_kib,actual_kib,blind,note
S=000000000

# pages VM SECOND GFN PAGES EVENTS: a page row of a window of 1 s. closing VM SECOND PAGES LOST BLIND: its closing row.
pages() { echo "$2$S,1$S,$1,,$3,$4,$5,0,$5,,,,,"; }
closing() { echo "$2$S,1$S,$1,,,$3,,,,$4,100000,90000,1$S,$5"; }

# 10 pages touched once and 5 touched twice, nothing lost; then an idle window.
two_windows() {
	echo "$COUNTS"
	pages a 1 100 10 1
	pages a 1 200 5 2
	closing a 1 15 0 0
	closing a 2 0 0 0
}

@test "wss-estimate: threshold, every page that was touched, 0 for an idle window" {
	two_windows >in
	run --separate-stderr -0 wss-estimate -P -m threshold in
	stdout_is "$ESTIMATES
1$S,1$S,a,threshold,60,60,60,400000,360000,0,
2$S,1$S,a,threshold,0,0,0,400000,360000,0,"
	is "$stderr" ''
}

@test "wss-estimate: several methods, one row each, called as they were asked for" {
	two_windows >in
	run --separate-stderr -0 wss-estimate -P -m threshold:2 -m threshold:m=1 -m aging:from=128 in
	stdout_is "$ESTIMATES
1$S,1$S,a,threshold:2,20,20,20,400000,360000,0,
1$S,1$S,a,threshold:m=1,60,60,60,400000,360000,0,
1$S,1$S,a,aging:from=128,60,60,60,400000,360000,0,
2$S,1$S,a,threshold:2,0,0,0,400000,360000,0,
2$S,1$S,a,threshold:m=1,0,0,0,400000,360000,0,
2$S,1$S,a,aging:from=128,0,0,0,400000,360000,0,"
}

@test "wss-estimate: VMs do not mix, though their rows do" {
	{ echo "$COUNTS"; pages a 1 0 1 1; pages b 2 0 7 1; pages a 1 8 2 1; closing b 2 7 0 0; closing a 1 3 0 0; } >in
	run --separate-stderr -0 wss-estimate -P -m threshold -m aging:from=128 in
	stdout_is "$ESTIMATES
2$S,1$S,b,threshold,28,28,28,400000,360000,0,
2$S,1$S,b,aging:from=128,28,28,28,400000,360000,0,
1$S,1$S,a,threshold,12,12,12,400000,360000,0,
1$S,1$S,a,aging:from=128,12,12,12,400000,360000,0,"
}

# Pages 10 11 20. Registers after each window, and how many are at least 32, 96, 128:
#   1 touches 10 11:  128 128   -   2 2 2
#   2 touches 10 20:  192  64 128   3 2 2
#   3 touches 20:      96  32 192   3 2 1
#   4 touches none:    48  16  96   2 1 0
#   5 touches none:    24   8  48   1 0 0
#   6 touches 11:      12 132  24   1 1 1
aging_example() {
	echo "$COUNTS"
	pages a 1 10 2 1
	closing a 1 2 0 0
	pages a 2 10 1 1
	pages a 2 20 1 9
	closing a 2 2 0 0
	pages a 3 20 1 1
	closing a 3 1 0 0
	closing a 4 0 0 0
	closing a 5 0 0 0
	pages a 6 11 1 1
	closing a 6 1 0 0
}

@test "wss-estimate: aging, an example worked out by hand" {
	aging_example >in
	for from in 32 96 128; do wss-estimate -m aging:from=$from in | column wss_kib | xargs; done >got
	file_is got '8 12 12 8 4 4
8 8 8 4 0 4
8 8 4 0 0 4'
}

@test "wss-estimate: aging says warming until all windows that matter were seen" {
	aging_example >in
	for from in 32 128 1; do wss-estimate -m aging:from=$from in | column note | xargs -d '\n'; done >got
	file_is got 'warming warming    
     
warming warming warming warming warming warming'
}

@test "wss-estimate: aging, what was lost counts as long as it could be in the set" {
	{ echo "$COUNTS"; pages a 1 10 2 1; closing a 1 2 5 0; for t in 2 3 4; do closing a $t 0 0 0; done; } >in
	run --separate-stderr -0 wss-estimate -P -m aging in
	stdout_is "$ESTIMATES
1$S,1$S,a,aging,8,8,28,400000,360000,0,lost
2$S,1$S,a,aging,8,8,28,400000,360000,0,lost
3$S,1$S,a,aging,8,8,28,400000,360000,0,lost
4$S,1$S,a,aging,0,0,0,400000,360000,0,"
}

@test "wss-estimate: a source blind to reads, or of unknown sight, gives a lower bound only" {
	{ echo "$COUNTS"; pages a 1 0 3 1; closing a 1 3 0 1; pages a 2 0 3 1; closing a 2 3 0 ''; pages a 3 0 3 1; closing a 3 3 0 6; } >in
	run --separate-stderr -0 wss-estimate -P -m threshold in
	stdout_is "$ESTIMATES
1$S,1$S,a,threshold,12,12,,400000,360000,1,
2$S,1$S,a,threshold,12,12,,400000,360000,,
3$S,1$S,a,threshold,12,12,12,400000,360000,6,"
}

@test "wss-estimate: lost events raise the upper bound, at most to the VM's memory" {
	{ echo "$COUNTS"; pages a 1 0 3 1; closing a 1 3 7 0; closing a 2 0 18446744073709551614 0; closing a 3 0 '' 0; } >in
	run --separate-stderr -0 wss-estimate -P -m threshold in
	stdout_is "$ESTIMATES
1$S,1$S,a,threshold,12,12,40,400000,360000,0,lost
2$S,1$S,a,threshold,0,0,400000,400000,360000,0,lost
3$S,1$S,a,threshold,0,0,400000,400000,360000,0,lost"
}

@test "wss-estimate: a VM of unknown size; more touched than it has" {
	{ echo "$COUNTS"; echo "1$S,1$S,a,,0,3,1,0,1,,,,,"; echo "1$S,1$S,a,,,3,,,,2,,,,0"
		echo "2$S,1$S,a,,0,3,1,0,1,,,,,"; echo "2$S,1$S,a,,,3,,,,2,2,2,,0"; } >in
	run --separate-stderr -0 wss-estimate -P -m threshold in
	stdout_is "$ESTIMATES
1$S,1$S,a,threshold,12,12,20,,,0,lost
2$S,1$S,a,threshold,12,12,12,8,8,0,lost"
}

@test "wss-estimate: events of a row: accesses, else writes and reads, else one" {
	{ echo "$COUNTS"; echo "1,1,a,,0,1,9,9,1,,,,,"; echo "1,1,a,,1,1,1,1,,,,,,"; echo "1,1,a,,2,1,2,,,,,,,"
		echo "1,1,a,,3,1,,,,,,,,"; echo "1,1,a,,4,1,0,0,0,,,,,"; echo "1,1,a,,,5,,,,0,,,,0"; } >in
	run --separate-stderr -0 wss-estimate -P -m threshold:1 -m threshold:2 -m threshold:3 -m aging:128 in
	is "$(column wss_kib <<<"$output" | xargs)" '16 8 0 16'
}

@test "wss-estimate: the largest numbers do not overflow" {
	max=18446744073709551614
	{ echo "$COUNTS"; echo "1,1,a,,0,281474976710656,$max,$max,$max,,,,,"; echo "1,1,a,,0,281474976710656,$max,$max,,,,,,"
		echo "$max,$max,a,,,$max,,,,$max,$max,$max,$max,0"; } | sed 's/^1,1,/'$max,$max,/ >in
	run --separate-stderr -0 wss-estimate -P -m threshold:$max -m aging:128 in
	stdout_is "$ESTIMATES
$max,$max,a,threshold:$max,2251799813685248,2251799813685248,$max,$max,$max,0,lost
$max,$max,a,aging:128,1125899906842624,1125899906842624,$max,$max,$max,0,lost"
}

@test "wss-estimate: rows leave while the input goes on" {
	mkfifo in
	wss-estimate -P -m threshold in >out 3>&- &
	later_kill $!
	exec 9>in
	two_windows | head -4 >&9
	until_true grep -q "^1$S,1$S,a,threshold,60" out
	closing a 2 0 0 0 >&9
	until_true grep -q "^2$S,1$S,a,threshold,0" out
	exec 9>&-
}

@test "wss-estimate: --kernel is on top of every estimate and its bounds, but not of one that is unknown" {
	two_windows >in
	run --separate-stderr -0 wss-estimate -P --kernel 1MiB -m threshold:2 -m prl in
	stdout_is "$ESTIMATES
1$S,1$S,a,threshold:2,1044,1044,1044,400000,360000,0,
1$S,1$S,a,prl,,,,400000,360000,0,warming
2$S,1$S,a,threshold:2,1024,1024,1024,400000,360000,0,
2$S,1$S,a,prl,,,,400000,360000,0,warming"
}

@test "wss-estimate: a half-finished window at the end is dropped" {
	{ two_windows; pages a 3 0 1 1; } >in
	run --separate-stderr -0 wss-estimate -P in
	is "$(column t_ns <<<"$output" | xargs)" "1$S 2$S"
}

@test "wss-estimate: no rows in, no rows out" {
	echo "$COUNTS" >in
	run --separate-stderr -0 wss-estimate -P in
	stdout_is "$ESTIMATES"
}

@test "wss-estimate: time that goes back within a VM; what was finished leaves" {
	{ two_windows; closing b 1 0 0 0; closing a 1 0 0 0; } >in
	run --separate-stderr -65 wss-estimate -P in
	stderr_is "wss-estimate: in: line 7: column 't_ns': goes back from 2$S to 1$S for VM 'a'"
	is "$(column t_ns <<<"$output" | xargs)" "1$S 2$S 1$S"
}

@test "wss-estimate: a window without its closing row in the middle" {
	{ echo "$COUNTS"; pages a 1 0 1 1; pages a 2 0 1 1; } >in
	run --separate-stderr -65 wss-estimate -P in
	stderr_is "wss-estimate: in: line 3: the window of VM 'a' that ends at 1$S has no closing row"
	{ echo "$COUNTS"; pages a 1 0 1 1; echo "1$S,2$S,a,,,1,,,,0,,,,0"; } >in
	run --separate-stderr -65 wss-estimate -P in
	stderr_is "wss-estimate: in: line 3: the window of VM 'a' that ends at 1$S has no closing row"
}

@test "wss-estimate: other records, a missing and a renamed column, no input" {
	echo "$ESTIMATES" >in
	run --separate-stderr -65 wss-estimate -P in
	stderr_is "wss-estimate: in: line 1: estimate records, need count records"
	echo "${COUNTS%,blind}" >in
	run --separate-stderr -65 wss-estimate -P in
	stderr_is "wss-estimate: in: line 1: column 14 is missing, need 'blind': no count records"
	echo "${COUNTS/gfn/pfn}" >in
	run --separate-stderr -65 wss-estimate -P in
	stderr_is "wss-estimate: in: line 1: column 5 is 'pfn', not 'gfn': no count records"
	run --separate-stderr -65 wss-estimate -P /dev/null
	[[ $stderr == 'wss-estimate: /dev/null: '*'empty: no header line' ]]
	run --separate-stderr -66 wss-estimate -P nowhere
	stderr_is "wss-estimate: cannot read nowhere: No such file or directory"
}

@test "wss-estimate: wrong methods and parameters" {
	try="try 'wss-estimate --help'"
	while read -r method message; do
		run --separate-stderr -64 wss-estimate -P -m "$method" /dev/null
		stderr_is "wss-estimate: --method: $message"
	done <<-END
		magic no method 'magic'; see '--methods'
		thresh:1 no method 'thresh'; see '--methods'
		aging:fro=1 aging: no parameter 'fro'; see '--methods'
		aging: aging: from: bad value '': need a whole number; $try
		aging:from= aging: from: bad value '': need a whole number; $try
		aging:x aging: from: bad value 'x': need a whole number; $try
		aging:0 aging: from: '0' is too small: at least 1; $try
		aging:from=256 aging: from: '256' is too large: at most 255; $try
		aging:m=2 aging: no parameter 'm'; see '--methods'
		aging:=2 aging: no parameter ''; see '--methods'
		aging:32,64 aging: '64' has no key; need KEY=VALUE
		aging:32,from=64 aging: parameter 'from' is given twice
		threshold:m=0 threshold: m: '0' is too small: at least 1; $try
		threshold:m=18446744073709551616 threshold: m: '18446744073709551616' is too large: at most 18446744073709551615; $try
	END
	run --separate-stderr -64 wss-estimate -P -m aging -m threshold -m aging /dev/null
	stderr_is "wss-estimate: --method: 'aging' is given twice; $try"
	run --separate-stderr -64 wss-estimate -P -m "threshold:$(printf '%0250d' 1)" /dev/null
	stderr_is "wss-estimate: --method: threshold: more than 255 bytes"
}

@test "wss-estimate: lists its methods, with parameters and sources, in order" {
	run --separate-stderr -0 wss-estimate --methods
	is "$(printf '%s\n' "$output" | grep -A 3 '^aging$')" "aging
    8-bit register for each page, shifted at each window; pages from a value up
    from=32  register a page needs; 32: touched in one of the last 3 windows
    source: A. S. Tanenbaum: Modern Operating Systems, not frequently used with aging"
	[[ $output == *"    age=2min  "*"    miss=1%  "* ]]
	# every method-*.c, each with a source
	is "$(printf '%s\n' "$output" | grep -v '^ ')" \
		"$(cd "$TOP/src/wss-estimate" && printf '%s\n' method-*.c | sed 's/^method-//; s/\.c$//' | LC_ALL=C sort)"
	is "$(printf '%s\n' "$output" | grep -c '^    source: ')" "$(printf '%s\n' "$output" | grep -vc '^ ')"
}

@test "wss-estimate: shows progress when asked" {
	two_windows >in
	run --separate-stderr -0 wss-estimate --progress in
	[[ $stderr == *'1 windows, 1 VMs'* ]]
}
