# SPDX-License-Identifier: GPL-2.0-or-later
load helper

HEADER=t_ns,window_ns,vm,set_kib,touched_kib,written_kib

# truth: the columns that do not depend on the clock, of the records on standard input.
truth() { gzip -cdf | tail -n +2 | cut -d, -f3-; }

@test "wss-load: each window says the set, what was touched, and what was written" {
	# 1000 pages a second are 200 in 200 ms, that is 800 KiB of 4000
	run --separate-stderr -0 wss-load -P -p 200ms -n 2 1s:1000w
	is "${lines[0]}" "$HEADER"
	is "$(echo "$output" | truth)" "wss-load,4000,800,800
wss-load,4000,800,800"
	stderr_is ''
}

@test "wss-load: the truth follows the phases, reads are not writes" {
	wss-load -p 40ms -n 5 40ms:300w*1,40ms:600r*2,40ms:0w,40ms:50rw*1+500 | truth > is
	file_is is "wss-load,1200,1200,1200
wss-load,2400,2400,0
wss-load,0,0,0
wss-load,200,200,200
wss-load,1200,1200,1200"
}

@test "wss-load: memory allocated for a step is new each time, and its first touch writes" {
	wss-load -p 40ms -n 4 alloc:50,40ms:50r*2,free:50,40ms:50r*1+50 | truth > is
	file_is is "wss-load,200,200,200
wss-load,200,200,0
wss-load,200,200,200
wss-load,200,200,0"
}

@test "wss-load: --also works at the same time on memory of its own" {
	wss-load -p 100ms -n 2 --also=1s:100r*10 --also=1s:7w*10 1s:1000w | truth > is
	# set 1107 pages; in 100 ms 100 written, 100 read, 7 written
	file_is is "wss-load,4428,828,428
wss-load,4428,828,428"
}

@test "wss-load: --rounds and --for end in mid-window, which is then shorter" {
	wss-load -P -p 40ms --rounds 2 50ms:10w*1 > truth
	wss-load -P -p 40ms --for 100ms 50ms:10w*1 | truth | cmp - <(truth < truth)
	# accesses every 5 ms: windows of 40, 40, 20 ms hold 8, 8 and 4 of them, on distinct pages
	is "$(truth < truth)" "wss-load,40,32,32
wss-load,40,32,32
wss-load,40,16,16"
}

@test "wss-load: windows join without a gap, and their times are real" {
	before=$(date +%s%N)
	wss-load -P -p 50ms -n 4 1s:100w > truth
	after=$(date +%s%N)
	# joined: each window begins where the one before ended
	while IFS=, read -r t_ns window_ns rest; do
		[ "$t_ns" != t_ns ] || continue
		[ -z "${last:-}" ] || is $((t_ns - window_ns)) "$last"
		: "${first:=$((t_ns - window_ns))}"
		last=$t_ns
	done < truth
	between "$before" "$first" "$last"
	between $((first + 200000000)) "$last" "$after"
}

@test "wss-load: after a halt it catches up, and the truth stays complete" {
	wss-load -P -p 100ms -n 5 1s:1000w > truth & later_kill $!
	until_true grep -q wss-load truth
	kill -STOP $!
	sleep 0.3
	kill -CONT $!
	wait $!
	is "$(truth < truth | sort | uniq -c | sed 's/^ *//')" '5 wss-load,4000,400,400'
	# one window at least lasted over the halt
	column window_ns < truth | awk '$1 > 2.5e8 { long = 1 } END { exit !long }'
}

@test "wss-load: the same seed touches the same pages, another one others" {
	draw() { wss-load -p 50ms -n 3 --seed "$1" 1s:5000w:zipf=1 | truth; }
	draw 7 > a; draw 7 > b; draw 8 > c
	same a b
	run -1 cmp -s a c
}

@test "wss-load: what it really touches is what the made-up VM of wss-trace touches" {
	load=100ms:20000w:zipf=0.7@100000,100ms:30000r:uniform@50000+5000
	wss-load -p 50ms -n 4 --seed 9 "$load" | column touched_kib > is
	wss-trace -p 50ms -n 4 --seed 9 -s "model:$load" | wss-count -P | awk -F, '$5 == "" { print $6 * 4 }' > should
	is "$(wc -l < should)" 4
	same should is
}

@test "wss-load: --frames lists each page once, and which were written" {
	# seq: 20 of 30 pages are written; 40 more are read; what is freed has no frame but was written
	run --separate-stderr -0 wss-load -p 20ms -n 1 --frames f --also=20ms:40r*1 --also=10ms:5w*1,free:5,10ms:0w 20ms:30w@1000
	is "$(head -1 f)" t_ns,vaddr_page,pfn,written
	is "$(column vaddr_page < f | sort | uniq | wc -l)" 75
	is "$(column written < f | grep -c 1)" 25
	[ "$(id -u)" = 0 ] || return 0
	stderr_is ''
	is "$(column pfn < f | grep -c .)" 70
	is "$(column pfn < f | grep . | sort -u | wc -l)" 70
}

@test "wss-load: without root --frames lists pages only, and says so" {
	[ "$(id -u)" = 0 ] && user='setpriv --reuid=65534 --regid=65534 --clear-groups' || user=
	chmod 777 .
	cp "$(command -v wss-load)" .
	# shellcheck disable=SC2086 # several words
	run --separate-stderr -0 $user ./wss-load -P -p 10ms -n 1 --frames f 10ms:3w*1
	stderr_is 'wss-load: warning: f: no frame numbers: /proc/self/pagemap tells them to root only'
	is "$(column pfn < f | tr '\n' -)" ---
	is "$(column written < f | tr '\n' -)" 1-1-1-
}

@test "wss-load: SIGTERM ends the stream after the last whole window, and the frames are listed" {
	wss-load -p 20ms -o truth.gz --frames f 1s:1000w & later_kill $!
	until_true eval '[ $(zcat -q truth.gz | wc -l) -gt 2 ]'
	kill -TERM $!
	wait $!
	gzip -t truth.gz
	is "$(truth < truth.gz | sort -u)" wss-load,4000,80,80
	is "$(wc -l < f)" 1001
}

@test "wss-load: ends quietly when the reader goes away" {
	{ wss-load -P -p 10ms 1s:10w || echo $? > status; } 2> err | head -1 > /dev/null
	file_is status 141
	[ ! -s err ]
}

@test "wss-load: --name is the vm column" {
	wss-load -P -p 10ms -n 1 --name 'a, b' 1s:0w | truth > is
	file_is is '"a, b",0,0,0'
}

@test "wss-load: --huge=madvise gives huge pages, the default none" {
	grep -q '\[never\]' /sys/kernel/mm/transparent_hugepage/enabled && cannot 'huge pages are off here'
	huge_kib() { awk '/AnonHugePages/ { kib += $2 } END { print kib }' "/proc/$1/smaps"; }
	for huge in never madvise; do
		wss-load -P -p 10ms --huge=$huge 1s:4096w > truth & later_kill $!
		until_true grep -q wss-load truth
		huge_kib $! > $huge
	done
	file_is never 0
	between 2048 "$(cat madvise)" 16384
}

@test "wss-load: --virtual tells the truth of a schedule at once, in virtual time, like the model's" {
	# 1 s writes 1000 pages, 1 s reads 500: in windows of 1.5 s that is 1000 and the first half of 500, then the other
	# half and 1000 again; with --also 10 more in each.
	run --separate-stderr -0 wss-load -P --virtual -p 1500ms -n 2 --also "500ms:10r*1" 1s:1000w,1s:500r+1000
	stdout_is "t_ns,window_ns,vm,set_kib,touched_kib,written_kib
1500000000,1500000000,wss-load,2040,5040,4000
3000000000,1500000000,wss-load,4040,5040,4000"
	schedule=2s:300w:uniform,1s:200r:zipf=1+50
	wss-load --virtual -n 9 $schedule | column touched_kib > truth
	wss-trace -s model:$schedule -n 9 | wss-count | wss-estimate -m threshold | column wss_kib > model
	same truth model
	wss-load --virtual -n 9 -P $schedule | grep -c . > rows
	file_is rows 10
}

@test "wss-load: --virtual needs an end and has no frames" {
	run --separate-stderr -64 wss-load --virtual constant
	stderr_is "wss-load: --virtual: needs an end: --periods, --for or --rounds; try 'wss-load --help'"
	run --separate-stderr -64 wss-load --virtual -n 1 --frames f constant
	stderr_is "wss-load: --virtual: has no frames; try 'wss-load --help'"
}

@test "wss-load: --list shows names, meanings and schedules" {
	run --separate-stderr -0 wss-load --list
	is "${lines[0]}" "constant      300 MB all the time (ComPAS'18, experiment 1)"
	is "${lines[1]}" '              60s:76800w'
	is "$(echo "$output" | awk 'NR % 2 { printf "%s ", $1 }')" 'constant two-phase stairs-up stairs-down three-stairs spike zigzag RWRW RRWW WWRR W1s W1d W2s W2d W3s W3d W4s W4d W5s W5d '
}

# The sanitizers need theirs.
# bats test_tags=nosan
@test "wss-load: needs no library" {
	run -0 readelf -l "$(command -v wss-load)"
	[[ $output != *INTERP* ]]
}

@test "wss-load: what is wrong with the request is said in one line" {
	try() { run --separate-stderr "-$1" wss-load -P -p 1ms -n 1 "${@:3}"; stdout_is ''; stderr_is "wss-load: $2"; }
	help="; try 'wss-load --help'"
	try 64 "no schedule$help"
	try 64 "more than one schedule: use --also$help" constant spike
	try 64 "SCHEDULE: no schedule is named 'wiggle'$help" wiggle
	try 64 "SCHEDULE: phase 2: bad pattern 'zpf'; need seq, uniform, zipf=S or hot=F$help" 1s:1w,1s:1w:zpf
	try 64 "--also: phase 1: bad time '5'; need a number and ns, us, ms, s, min or h$help" --also=5:1w constant
	try 64 "--huge: bad value 'always': need never or madvise$help" --huge=always constant
	try 64 "--name: need 1 to 255 bytes$help" --name= constant
	try 74 "no/f: cannot make this file: No such file or directory" --frames no/f 1s:1w
	run --separate-stderr -71 wss-load -P 1s:1099511627776w
	stderr_is 'wss-load: cannot map 4096TiB for the load: Cannot allocate memory'
	run --separate-stderr -74 sh -c 'wss-load -P -p 1ms -n 1 1s:1w > /dev/full'
	run --separate-stderr -74 wss-load -P -o out -p 1ms -n 1 --frames /dev/full 1s:1w
	stderr_is 'wss-load: /dev/full: cannot write: No space left on device'
}
