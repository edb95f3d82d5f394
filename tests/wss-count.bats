# SPDX-License-Identifier: GPL-2.0-or-later
load helper

HEADER=t_ns,vm,vcpu,event,gfn,pages,arg,lost
COUNTS=t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind

# events ROW...: event records in short: "T VM EVENT [GFN [PAGES [ARG [LOST]]]]", '-' = empty.
events() {
	echo "$HEADER"
	[ $# -eq 0 ] || printf '%s\n' "$@" | awk -v OFS=, '{
		for (i = 1; i <= 7; i++) if ($i == "-") $i = ""
		print $1, $2, "", $3, $4, $5, $6, $7 }'
}

# counts ROW...: the output that is expected, each row without its last commas.
counts() {
	echo "$COUNTS"
	[ $# -eq 0 ] || printf '%s\n' "$@" | awk -F, -v OFS=, '{ $14 = $14; print }'
}

# Runs it on e.csv (or the files named) and compares all of the output.
count_is() {
	local expected=$1
	shift
	run --separate-stderr -0 wss-count -P "$@"
	stdout_is "$expected"
	stderr_is ''
}

# ---- windows ----

@test "wss-count: events become counts per page, run and window, with a closing row" {
	# 3 pages written at 5, the middle one again at 6; page 9 is read twice and touched once. 4 + 3 lost.
	events '0 a begin' '1 a size - 100 90' '1 a blind - - 2' '5 a write 0 3' '6 a write 1' '7 a read 9' '7 a read 9' \
		'8 a access 9 1 - 4' '10 a tick - - 10 3' >e.csv
	count_is "$(counts 10,10,a,,0,1,1,0,1 10,10,a,,1,1,2,0,2 10,10,a,,2,1,1,0,1 10,10,a,,9,1,0,2,3 \
		10,10,a,,,4,,,,7,100,90,10,2)" e.csv
}

@test "wss-count: output is gzip of the same rows" {
	events '0 a begin' '5 a write 7 2' '10 a tick - - 10' >e.csv
	wss-count e.csv >c.gz
	is "$(zcat c.gz)" "$(counts 10,10,a,,7,2,1,0,1 10,10,a,,,2,,,,0,,,10)"
}

@test "wss-count: counts are of the window, neighbours with equal counts are one run, in rising order" {
	# 20 before 10 before 11: one run 10-11. The second window knows nothing of the first.
	events '0 a begin' '1 a write 20' '2 a write 10' '3 a write 11' '10 a tick - - 10' '11 a write 10' '20 a tick - - 10' >e.csv
	count_is "$(counts 10,10,a,,10,2,1,0,1 10,10,a,,20,1,1,0,1 10,10,a,,,3,,,,0,,,10 \
		20,10,a,,10,1,1,0,1 20,10,a,,,1,,,,0,,,10)" e.csv
}

@test "wss-count: an idle VM gets a closing row each period" {
	events '0 a begin' '10 a tick - - 10' '21 a tick - - 10' >e.csv
	count_is "$(counts 10,10,a,,,0,,,,0,,,10 21,11,a,,,0,,,,0,,,10)" e.csv
}

@test "wss-count: -w closes at the first tick at which the time has passed, whatever the clock's jitter" {
	# Asked: 10 each, windows of 20. Ticks at 9, 19 (short of 20 by less than half a period), 30, 41.
	events '0 a begin' '1 a write 1' '9 a tick - - 10' '10 a write 1' '19 a tick - - 10 2' \
		'20 a write 2' '30 a tick - - 10 1' '41 a tick - - 10' >e.csv
	count_is "$(counts 19,19,a,,1,1,2,0,2 19,19,a,,,1,,,,2,,,20 41,22,a,,2,1,1,0,1 41,22,a,,,1,,,,1,,,20)" -w 20ns e.csv
	# 16 is more than half a period short of 22: not yet.
	events '0 a begin' '8 a tick - - 10' '16 a tick - - 10' '24 a tick - - 10' >e.csv
	count_is "$(counts 24,24,a,,,0,,,,0,,,30)" -w 22ns e.csv
}

@test "wss-count: sliding windows come at each tick, once a whole one has passed" {
	# Page 1 in each period, page 2 only in the second, page 3 only in the third. Windows: 1+2, 2+3, 3+4.
	events '0 a begin' '1 a write 1' '10 a tick - - 10 1' '11 a write 1 2' '20 a tick - - 10 2' \
		'21 a write 1' '22 a read 3' '30 a tick - - 10 4' '31 a write 1' '40 a tick - - 10 8' >e.csv
	count_is "$(counts 20,20,a,,1,1,2,0,2 20,20,a,,2,1,1,0,1 20,20,a,,,2,,,,3,,,20 \
		30,20,a,,1,1,2,0,2 30,20,a,,2,1,1,0,1 30,20,a,,3,1,0,1,1 30,20,a,,,3,,,,6,,,20 \
		40,20,a,,1,1,2,0,2 40,20,a,,3,1,0,1,1 40,20,a,,,2,,,,12,,,20)" -w 20ns --sliding e.csv
}

@test "wss-count: a sliding window is as long as asked for in spite of jitter, and idle when nothing happens" {
	# Ticks at 11, 19, 31, 40: windows 0-19, 11-31, 19-40.
	events '0 a begin' '1 a write 1' '11 a tick - - 10' '19 a tick - - 10' '31 a tick - - 10' '40 a tick - - 10' >e.csv
	count_is "$(counts 19,19,a,,1,1,1,0,1 19,19,a,,,1,,,,0,,,20 31,20,a,,,0,,,,0,,,20 40,21,a,,,0,,,,0,,,20)" \
		-w 20ns --sliding e.csv
}

@test "wss-count: --cumulative gives at each tick the counts since the begin" {
	events '0 a begin' '1 a write 1' '10 a tick - - 10 1' '20 a tick - - 10' '21 a write 1 2' '30 a tick - - 10 2' >e.csv
	count_is "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,1,,,10 20,20,a,,1,1,1,0,1 20,20,a,,,1,,,,1,,,20 \
		30,30,a,,1,1,2,0,2 30,30,a,,2,1,1,0,1 30,30,a,,,2,,,,3,,,30)" --cumulative e.csv
}

@test "wss-count: asked_ns is empty when a period's is" {
	events '0 a begin' '10 a tick - - 10' '20 a tick' >e.csv
	count_is "$(counts 20,20,a,,,0,,,,0)" -w 20ns e.csv
}

# ---- page tables ----

@test "wss-count: page tables are left out of their window, also when they are named after the touch" {
	# 5 and 6 are tables of the first window, 5 known before it is written, 6 after; in the second, 5 is a page again.
	events '0 a begin' '1 a table 5' '2 a write 4 4' '3 a table 6' '10 a tick - - 10' '11 a write 5' '20 a tick - - 10' >e.csv
	count_is "$(counts 10,10,a,,4,1,1,0,1 10,10,a,,7,1,1,0,1 10,10,a,,,2,,,,0,,,10 \
		20,10,a,,5,1,1,0,1 20,10,a,,,1,,,,0,,,10)" e.csv
}

@test "wss-count: --keep-tables leaves nothing out" {
	events '0 a begin' '1 a table 5' '2 a write 4 4' '3 a table 6' '10 a tick - - 10' >e.csv
	count_is "$(counts 10,10,a,,4,4,1,0,1 10,10,a,,,4,,,,0,,,10)" --keep-tables e.csv
}

@test "wss-count: a page table stays out of a sliding window while its period is in it" {
	events '0 a begin' '1 a table 5' '10 a tick - - 10' '11 a write 5' '20 a tick - - 10' '30 a tick - - 10' '40 a tick - - 10' >e.csv
	count_is "$(counts 20,20,a,,,0,,,,0,,,20 30,20,a,,5,1,1,0,1 30,20,a,,,1,,,,0,,,20 40,20,a,,,0,,,,0,,,20)" \
		-w 20ns --sliding e.csv
}

# ---- begin and end ----

@test "wss-count: an unfinished window is dropped, --partial closes it at the last row" {
	events '0 a begin' '1 a write 1' '10 a tick - - 10' '12 a write 2' '15 a write 3 - - 6' >e.csv
	count_is "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10)" e.csv
	count_is "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10 15,5,a,,2,2,1,0,1 15,5,a,,,2,,,,6)" --partial e.csv
	count_is "$(counts 15,15,a,,1,3,1,0,1 15,15,a,,,3,,,,6)" -w 20ns --partial e.csv
	count_is "$(counts 15,15,a,,1,3,1,0,1 15,15,a,,,3,,,,6)" -w 20ns --sliding --partial e.csv
}

@test "wss-count: --partial adds nothing to a stream that ends with its last period" {
	events '0 a begin' '1 a write 1' '10 a tick - - 10' '10 a end' >e.csv
	count_is "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10)" --partial e.csv
}

@test "wss-count: --partial closes a window in which time passed, though nothing was touched" {
	events '0 a begin' '10 a tick - - 10' '15 a cr3 - - 7' >e.csv
	count_is "$(counts 10,10,a,,,0,,,,0,,,10 15,5,a,,,0,,,,0)" --partial e.csv
}

@test "wss-count: the end of a VM drops its window and forgets its size; a new begin starts afresh" {
	events '0 a begin' '0 a size - 100 90' '10 a tick - - 10' '11 a write 1 - - 2' '12 a end' \
		'20 a begin' '21 a write 2' '30 a tick - - 10' >e.csv
	count_is "$(counts 10,10,a,,,0,,,,0,100,90,10 30,10,a,,2,1,1,0,1 30,10,a,,,1,,,,0,,,10)" e.csv
	# The same when the end is not in the stream.
	grep -v end e.csv >f.csv
	count_is "$(counts 10,10,a,,,0,,,,0,100,90,10 30,10,a,,2,1,1,0,1 30,10,a,,,1,,,,0,,,10)" f.csv
	count_is "$(counts 10,10,a,,,0,,,,0,100,90,10 11,1,a,,1,1,1,0,1 11,1,a,,,1,,,,2,100,90 \
		30,10,a,,2,1,1,0,1 30,10,a,,,1,,,,0,,,10)" --partial f.csv
}

@test "wss-count: a new begin starts cumulative and sliding counts afresh too" {
	events '0 a begin' '1 a write 1' '10 a tick - - 10' '20 a begin' '21 a write 2' '30 a tick - - 10' '40 a tick - - 10' >e.csv
	count_is "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10 30,10,a,,2,1,1,0,1 30,10,a,,,1,,,,0,,,10 \
		40,20,a,,2,1,1,0,1 40,20,a,,,1,,,,0,,,20)" --cumulative e.csv
	count_is "$(counts 40,20,a,,2,1,1,0,1 40,20,a,,,1,,,,0,,,20)" -w 20ns --sliding e.csv
}

@test "wss-count: in a part without a begin the first row is one, and a tick there belongs to what is not here" {
	events '7 a write 1' '10 a tick - - 10' >e.csv
	count_is "$(counts 10,3,a,,1,1,1,0,1 10,3,a,,,1,,,,0,,,10)" e.csv
	events '10 a tick - - 10 5' '11 a write 1' '20 a tick - - 10' >e.csv
	count_is "$(counts 20,10,a,,1,1,1,0,1 20,10,a,,,1,,,,0,,,10)" e.csv
}

# ---- streams ----

@test "wss-count: VMs are counted apart, however their rows are mixed" {
	# b has its own clock, ahead of a's.
	events '0 a begin' '100 b begin' '1 a write 1' '101 b write 1 2' '2 a size - 8 7' '102 b size - 9 9' '3 a write 1' \
		'110 b tick - - 10 3' '10 a tick - - 10' >e.csv
	count_is "$(counts 110,10,b,,1,2,1,0,1 110,10,b,,,2,,,,3,9,9,10 10,10,a,,1,1,2,0,2 10,10,a,,,1,,,,0,8,7,10)" e.csv
}

@test "wss-count: a stream of only a header gives only a header" {
	events >e.csv
	count_is "$COUNTS" e.csv
}

@test "wss-count: several files are one stream, a window may reach over their ends" {
	events '0 a begin' '1 a write 1' >1.csv
	events '2 a write 2' '10 a tick - - 10' | gzip >2.gz
	count_is "$(counts 10,10,a,,1,2,1,0,1 10,10,a,,,2,,,,0,,,10)" 1.csv 2.gz
}

@test "wss-count: the last pages there can be are counted" {
	# 2^48 - 2 and 2^48 - 1.
	events '0 a begin' '1 a write 281474976710654 2' '2 a write 281474976710655 1 - 3' \
		'10 a tick - - 10' >e.csv
	count_is "$(counts 10,10,a,,281474976710654,1,1,0,1 10,10,a,,281474976710655,1,2,0,2 10,10,a,,,2,,,,3,,,10)" e.csv
}

# ---- bad input ----

@test "wss-count: time that goes back is an error, what was finished before is out" {
	events '0 a begin' '1 a write 1' '10 a tick - - 10' '11 a write 2' '9 a write 3' '20 a tick - - 10' >e.csv
	run --separate-stderr -65 wss-count -P e.csv
	stdout_is "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10)"
	stderr_is "wss-count: e.csv: line 6: column 't_ns': goes back from 11 to 9 for VM 'a'"
}

@test "wss-count: after a bad row finished windows are out, as whole gzip" {
	events '0 a begin' '1 a write 1' '10 a tick - - 10' '11 a write x' >e.csv
	run --separate-stderr -65 wss-count -o c.gz e.csv
	stderr_is "wss-count: e.csv: line 5: column 'gfn': bad value 'x'"
	is "$(zcat c.gz)" "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10)"
}

@test "wss-count: an access without a page is an error" {
	local event
	for event in write read access table; do
		events '0 a begin' "1 a $event" >e.csv
		run --separate-stderr -65 wss-count -P e.csv
		stderr_is "wss-count: e.csv: line 3: column 'gfn': empty"
	done
}

@test "wss-count: the wrong kind of records is refused" {
	counts >c.csv
	events >e.csv
	run --separate-stderr -65 wss-count -P c.csv
	stderr_is "wss-count: c.csv: line 1: count records, need event records"
	run --separate-stderr -65 wss-count -P --merge e.csv
	stderr_is "wss-count: e.csv: line 1: event records, need count records"
}

@test "wss-count: options that do not fit together are refused" {
	run --separate-stderr -64 wss-count --sliding
	stderr_is "wss-count: --sliding needs --window; try 'wss-count --help'"
	run --separate-stderr -64 wss-count --cumulative -w 1s
	stderr_is "wss-count: --cumulative and --window exclude each other; try 'wss-count --help'"
	run --separate-stderr -64 wss-count --merge --partial
	stderr_is "wss-count: --merge takes windows as they are: no other option fits; try 'wss-count --help'"
}

# ---- merging ----

# 3 VMs in 6 periods, pages by a formula; VM c is idle.
whole() {
	awk -v header=$HEADER 'BEGIN {
		print header
		for (vm = 1; vm <= 3; vm++) print "0," substr("abc", vm, 1) ",,begin,,,,"
		for (t = 1; t <= 6; t++) {
			for (vm = 1; vm <= 2; vm++)
				for (i = 0; i < 50; i++)
					printf "%d,%s,,%s,%d,%d,,\n", t * 100 - 60 + i, substr("abc", vm, 1),
						i % 3 ? "write" : "read", (i * 37 * t + vm) % 101, 1 + i % 5
			for (vm = 1; vm <= 3; vm++) printf "%d,%s,,tick,,,100,%d\n", t * 100, substr("abc", vm, 1), t }
	}'
}

@test "wss-count: --merge: parts cut by VM give the whole, byte for byte, in whatever order they are named" {
	whole >whole.csv
	wss-count -P whole.csv >counts.csv
	is "$(awk -F, '$5 == ""' counts.csv | wc -l)" 18
	for vm in a b c; do awk -F, -v vm=$vm 'NR == 1 || $2 == vm' whole.csv | wss-count >$vm.gz; done
	wss-count --merge -P c.gz a.gz b.gz >merged.csv
	same counts.csv merged.csv
	wss-count --merge c.gz b.gz | wss-count --merge -P a.gz - >merged.csv
	same counts.csv merged.csv
}

@test "wss-count: --merge: parts cut in time give the whole, byte for byte" {
	whole >whole.csv
	wss-count -P whole.csv >counts.csv
	# The second part begins with the ticks that ended the first.
	awk -F, 'NR == 1 || $1 <= 300' whole.csv | wss-count >1.gz
	awk -F, 'NR == 1 || $1 > 300 || $1 == 300 && $4 == "tick"' whole.csv | wss-count >2.gz
	wss-count --merge -P 2.gz 1.gz >merged.csv
	same counts.csv merged.csv
	wss-count --merge -P <counts.csv >merged.csv
	same counts.csv merged.csv
}

@test "wss-count: --merge: parts cut by pages give the whole, byte for byte" {
	whole >whole.csv
	wss-count -P whole.csv >counts.csv
	# Rows go to the one or the other; what is no touch goes to both, lost only to the first.
	awk -F, 'NR == 1 || $5 == "" || $5 % 2' whole.csv | wss-count >1.gz
	awk -F, -v OFS=, 'NR == 1 { print; next } $5 == "" { $8 = "" } $5 == "" || $5 % 2 == 0' whole.csv | wss-count >2.gz
	wss-count --merge -P 1.gz 2.gz >merged.csv
	same counts.csv merged.csv
}

@test "wss-count: --merge: the same window of two parts: counts are added, pages counted once, lost added" {
	# Pages 0-9 once and 5-14 twice: 0-4, 5-9, 10-14; then 20-21 and 22 with equal counts are one run.
	counts 10,10,a,,0,10,1,0,1 10,10,a,,20,2,1,0,1 10,10,a,,,12,,,,1,100,90,10,2 >1.csv
	counts 10,10,a,,5,10,2,1,4 10,10,a,,22,1,1,0,1 10,10,a,,,11,,,,2,100,90,10,2 >2.csv
	count_is "$(counts 10,10,a,,0,5,1,0,1 10,10,a,,5,5,3,1,5 10,10,a,,10,5,2,1,4 10,10,a,,20,3,1,0,1 \
		10,10,a,,,18,,,,3,100,90,10,2)" --merge 1.csv 2.csv
}

@test "wss-count: --merge: unknown counts stay unknown, address spaces apart, windows of other length apart" {
	counts 10,5,a,,,0,,,,,,,5 10,10,a,1,0,2,,,1 10,10,a,2,0,2,,,1 10,10,a,,,4,,,,,,,10 >1.csv
	counts 10,10,a,2,1,1,,1,1 10,10,a,,,1,,,,,,,10 >2.csv
	count_is "$(counts 10,5,a,,,0,,,,,,,5 10,10,a,1,0,2,,,1 10,10,a,2,0,1,,,1 10,10,a,2,1,1,,,2 10,10,a,,,4,,,,,,,10)" \
		--merge 1.csv 2.csv
}

@test "wss-count: --merge: closing rows that disagree are an error, windows before are out" {
	local n=0 row column=('' memory_pages actual_pages asked_ns blind)
	counts 5,5,a,,,0,,,,0,1,2,3,4 10,5,a,,7,1,1,0,1 10,5,a,,,1,,,,0,1,2,3,4 >1.csv
	for row in 9,2,3,4 1,9,3,4 1,2,9,4 1,2,3,9; do
		counts "10,5,a,,8,1,1,0,1" "10,5,a,,,1,,,,0,$row" >2.csv
		run --separate-stderr -65 wss-count --merge -P 1.csv 2.csv
		n=$((n + 1))
		stderr_is "wss-count: 2.csv: line 3: column '${column[n]}': 9, but $n in another part's row of this window"
		stdout_is "$(counts 5,5,a,,,0,,,,0,1,2,3,4)"
	done
	counts 10,5,a,,,0,,,,0,1,2,,4 >2.csv
	run --separate-stderr -65 wss-count --merge -P 1.csv 2.csv
	stderr_is "wss-count: 2.csv: line 2: column 'asked_ns': empty, but 3 in another part's row of this window"
}

# merge_error STDERR ROW...: what --merge says of such a part.
merge_error() {
	local message=$1
	shift
	counts "$@" >c.csv
	run --separate-stderr -65 wss-count --merge -P c.csv
	stderr_is "wss-count: c.csv: $message"
}

@test "wss-count: --merge: parts that are not in order or not whole are an error" {
	merge_error "line 3: column 't_ns': goes back from 10 to 9" 10,5,a,,,0 9,5,a,,,0
	merge_error "line 3: column 'gfn': 6 is not behind the run before" 10,5,a,,5,2 10,5,a,,6,1 10,5,a,,,3
	merge_error "line 2: no closing row of VM 'a' for 10" 10,5,a,,5,2
	merge_error "line 3: no closing row of VM 'a' for 10" 10,5,a,,5,2 10,5,b,,5,2 10,5,b,,,2 10,5,a,,,2
	merge_error "line 3: column 'pages': 3, but the rows of this window have 2" 10,5,a,,5,2 10,5,a,,,3
}

@test "wss-count: --merge: a part that is missing is an error, and nothing is written" {
	counts >1.csv
	run --separate-stderr -66 wss-count --merge -o c.gz 1.csv 2.csv
	stderr_is 'wss-count: cannot read 2.csv: No such file or directory'
	[ ! -e c.gz ]
}

# ---- live ----

# A wss-count at work, fed through descriptor 9: `start OPTION...`, then `events ... >&9`.
start() {
	mkfifo in
	wss-count "$@" <in >out.csv 2>err 9>&- 3>&- &
	pid=$!
	later_kill $pid
	exec 9>in
}

lines_are() { [ "$(wc -l <out.csv)" -eq "$1" ]; }

@test "wss-count: rows leave as soon as the input pauses" {
	start -P
	events '0 a begin' '1 a write 1' '10 a tick - - 10' '11 a write 2' >&9
	until_true lines_are 3
	file_is out.csv "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10)"
	events '20 a tick - - 10' | tail -n 1 >&9
	until_true lines_are 5
	exec 9>&-
	wait $pid
	file_is out.csv "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10 20,10,a,,2,1,1,0,1 20,10,a,,,1,,,,0,,,10)"
}

@test "wss-count: SIGTERM ends it after what has arrived" {
	start -P --partial
	events '0 a begin' '1 a write 1' '10 a tick - - 10' '11 a write 2' >&9
	until_true lines_are 3
	kill -TERM $pid
	wait $pid
	file_is out.csv "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10 11,1,a,,2,1,1,0,1 11,1,a,,,1,,,,0)"
	[ ! -s err ]
}

@test "wss-count: --merge: SIGTERM writes no window of which parts may be missing" {
	# Nobody knows whether more would have come for 15 and 20 when the first part was cut off.
	counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10 20,10,a,,,0,,,,0,,,10 >a.csv
	start -P --merge - a.csv
	counts 10,10,b,,,0,,,,0,,,10 15,5,b,,,0,,,,0,,,10 >&9
	until_true lines_are 4
	kill -TERM $pid
	wait $pid
	file_is out.csv "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10 10,10,b,,,0,,,,0,,,10)"
	[ ! -s err ]
}

@test "wss-count: --merge: SIGTERM in the middle of a window drops it" {
	start -P --merge
	counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10 20,10,a,,2,1,1,0,1 >&9
	until_true lines_are 3
	kill -TERM $pid
	wait $pid
	file_is out.csv "$(counts 10,10,a,,1,1,1,0,1 10,10,a,,,1,,,,0,,,10)"
	[ ! -s err ]
}
