# SPDX-License-Identifier: GPL-2.0-or-later
# Methods of wss-estimate that work on events in order.
load helper

events() { # rows of a VM with 100 pages that hides nothing: "read GFN PAGES", "tick T", "lost N"
	echo 't_ns,vm,vcpu,event,gfn,pages,arg,lost'
	echo '0,v,,begin,,,,'
	echo '0,v,,blind,,,0,'
	echo '0,v,,size,,100,80,'
	while read -r what a b; do
		case $what in
		tick) echo "$a,v,,tick,,,10,$b"; t=$a ;;
		*) echo "${t:-0},v,,$what,$a,$b,," ;;
		esac
	done
}

@test "wss-estimate: mrc by hand" {
	# Window 1: a b c a. a is the third of the stack: warm 1 (depth 3), cold 3; at most the 3 pages there are.
	# Window 2: a b a b: b comes back from depth 3 (stack a c b), then depths 2. 1 of 4 is deeper than 2, so at 25 % two
	# pages do, at 24 % three. a, touched last in window 1, has depth 1.
	events <<-'E' > e.csv
		read 1 1
		write 2 1
		read 3 1
		read 1 1
		tick 10
		read 1 1
		read 2 1
		read 1 1
		write 2 1
		tick 20
		tick 30 7
	E
	run --separate-stderr -0 wss-estimate -m mrc:25% -m mrc:miss=24% -P e.csv
	stdout_is 't_ns,window_ns,vm,method,wss_kib,low_kib,high_kib,memory_kib,actual_kib,blind,note
10,10,v,mrc:25%,12,12,12,400,320,0,warming
10,10,v,mrc:miss=24%,12,12,12,400,320,0,warming
20,10,v,mrc:25%,8,8,8,400,320,0,
20,10,v,mrc:miss=24%,12,12,12,400,320,0,
30,10,v,mrc:25%,0,0,28,400,320,0,lost
30,10,v,mrc:miss=24%,0,0,28,400,320,0,lost'
}

@test "wss-estimate: mrc, shards of all pages and aet agree on a loop" {
	wss-trace -s model:1s:5000r -n 3 | wss-estimate -m mrc -m shards:100% -m aet -P > out.csv
	is "$(column wss_kib < out.csv | sort | uniq -c | tr -s ' ')" ' 9 20000'
	is "$(column note < out.csv | tr '\n' ' ')" 'warming warming warming       '
}

@test "wss-estimate: shards keeps to the size of its sample" {
	# 20,000 pages in a loop, 1,000 in the sample: 5 standard deviations of 1/sqrt(875) are 17 %
	wss-trace -s model:1s:20000r -n 3 | wss-estimate -m shards:rate=100%,size=1000 -P > out.csv
	between 66400 "$(column wss_kib < <(sed 's/"[^"]*"/m/' out.csv) | tail -1)" 93600
}

@test "wss-estimate: methods on counts and methods on events are not mixed" {
	run --separate-stderr -64 wss-estimate -m threshold -m mrc /dev/null
	stderr_is "wss-estimate: --method: threshold works on counts, mrc on events: not in one run; try 'wss-estimate --help'"
	wss-trace -s model:1s:1r -n 1 -o e.gz
	run --separate-stderr -65 wss-estimate -m threshold e.gz
	stderr_is 'wss-estimate: e.gz: line 1: event records, need count records'
	run --separate-stderr -65 wss-estimate -m mrc <(wss-count e.gz)
	printf '%s\n' "$stderr" | grep -q 'line 1: count records, need event records$'
}

@test "wss-estimate: an event without its pages is refused, estimates before it are out" {
	events <<-'E' > e.csv
		read 1 1
		tick 10
		read
	E
	run --separate-stderr -65 wss-estimate -m mrc -P e.csv
	stderr_is "wss-estimate: e.csv: line 7: column 'gfn': empty"
	is "$(printf '%s\n' "$output" | wc -l)" 2
}
