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

@test "wss-estimate: miss-ratio curves by hand" {
	# Window 1: a b c a: the one reference that is not a first one has depth 3, and reuse time 3: while its page sinks
	# each reference before pushes it down by one.
	# Window 2: a b a b: depths 1 3 2 2, of four. Reuse times are 1 4 2 2: after 1 reference the page has sunk by 1, and 3
	# of 4 are longer; after 2 by 1 + 3/4; after 4 by 2/4 more, 2.25. Both sizes are rounded to 2 pages.
	# Window 3: nothing, so no curve.
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
		tick 30
	E
	run --separate-stderr -0 wss-estimate -m mrc -m shards:100% -m aet --curves curves.csv -P e.csv
	is "${#lines[@]}" 10
	file_is curves.csv 't_ns,window_ns,vm,method,pages,miss_ppm
10,10,v,mrc,0,1000000
10,10,v,mrc,3,0
10,10,v,shards:100%,0,1000000
10,10,v,shards:100%,3,0
10,10,v,aet,0,1000000
10,10,v,aet,3,0
20,10,v,mrc,0,1000000
20,10,v,mrc,1,750000
20,10,v,mrc,2,250000
20,10,v,mrc,3,0
20,10,v,shards:100%,0,1000000
20,10,v,shards:100%,1,750000
20,10,v,shards:100%,2,250000
20,10,v,shards:100%,3,0
20,10,v,aet,0,1000000
20,10,v,aet,1,750000
20,10,v,aet,2,0'
}

@test "wss-estimate: a curve falls by half a percent from point to point, to nothing, and agrees with the estimate" {
	wss-trace -s model:1s:5000r:zipf=1 -n 3 -o e.gz
	wss-estimate -m mrc -m shards:20% -m aet --curves curves.gz e.gz -P > out.csv
	# each window and method begins at no memory with all misses
	gzip -cdf curves.gz | awk -F, 'NR > 1 {
		key = $1 " " $4
		if (key != last && (open || $5 != 0 || $6 != 1000000))
			exit bad = 1
		if (key == last && ($5 <= pages || $6 > miss - ($6 ? 5000 : 1)))
			exit bad = 1
		last = key; pages = $5; miss = $6; open = $6 > 0
		if (++rows[key] > 202)
			exit bad = 1
	} END { for (key in rows) n++; print n, open, bad + 0 }' > result
	file_is result '9 0 0'
	# where a curve is exact, at a point, mrc says the same; what is rounded in the ratio is within 1 ppm
	local pages miss
	read -r pages miss < <(gzip -cdf curves.gz | awk -F, '$1 == 3000000000 && $4 == "mrc" && $6 < 300000 { print $5, $6; exit }')
	wss-estimate -m "mrc:miss=$(((miss + 1) / 10000)).$(printf %04d $(((miss + 1) % 10000)))%" e.gz -P > out.csv
	is "$(column low_kib < out.csv | tail -1)" $((4 * pages))
}

@test "wss-estimate: curves are sent at the end of each window, and need a method that has them" {
	run --separate-stderr -64 wss-estimate -m threshold --curves curves.csv /dev/null
	stderr_is "wss-estimate: --curves: no method here has curves; mrc, shards and aet have; try 'wss-estimate --help'"
	run --separate-stderr -64 wss-estimate -m mrc --ages ages.csv /dev/null
	stderr_is "wss-estimate: --ages: no method here has ages; cold has; try 'wss-estimate --help'"
	[ ! -e curves.csv ] && [ ! -e ages.csv ]
	run --separate-stderr -74 wss-estimate -m mrc --curves none/x <(wss-trace -s model:1s:1r -n 1)
	stderr_is 'wss-estimate: cannot write none/x: No such file or directory'
	mkfifo events
	wss-estimate -m mrc --curves curves.csv -P events > out.csv 3>&- &
	later_kill $!
	exec 4> events
	events <<-'E' >&4
		read 1 1
		read 1 1
		tick 10
		read 1 1
	E
	until_true grep -qx 10,10,v,mrc,1,0 curves.csv
	exec 4>&-
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
