load helper

HEADER=t_ns,vm,vcpu,event,gfn,pages,arg,lost
COUNTS=t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind

# events ROW...: event records in short: "T VM EVENT [GFN [PAGES [ARG [LOST]]]]", '-' = empty.
events() {
	echo "$HEADER"
	printf '%s\n' "$@" | awk -v OFS=, '{ for (i = 1; i <= 7; i++) if ($i == "-") $i = ""; print $1, $2, "", $3, $4, $5, $6, $7 }'
}

@test "wss-count: events become counts per page, run and window, with a closing row" {
	# 3 pages written at 5, the middle one again at 6; page 9 is read twice and touched once.
	events '0 a begin' '1 a size - 100 90' '1 a blind - - 2' \
		'5 a write 0 3' '6 a write 1' '7 a read 9' '7 a read 9' '8 a access 9 1 - 4' '10 a tick - - 10 3' > e.csv
	run --separate-stderr -0 wss-count -P e.csv
	stdout_is "$COUNTS
10,10,a,,0,1,1,0,1,,,,,
10,10,a,,1,1,2,0,2,,,,,
10,10,a,,2,1,1,0,1,,,,,
10,10,a,,9,1,0,2,3,,,,,
10,10,a,,,4,,,,7,100,90,10,2"
	stderr_is ''
}

@test "wss-count: an idle VM gets a closing row each period" {
	events '0 a begin' '10 a tick - - 10' '21 a tick - - 10' | { run --separate-stderr -0 wss-count -P
	stdout_is "$COUNTS
10,10,a,,,0,,,,0,,,10,
21,11,a,,,0,,,,0,,,10,"; }
}

@test "wss-count: a stream of only a header gives only a header" {
	events | head -1 > e.csv
	run --separate-stderr -0 wss-count -P e.csv
	stdout_is "$COUNTS"
}
