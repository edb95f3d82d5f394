# SPDX-License-Identifier: GPL-2.0-or-later
# wss-estimate -m forecast; how good its models are is in tests/unit/forecast.c.
load helper

EST=t_ns,window_ns,vm,method,wss_kib,low_kib,high_kib,memory_kib,actual_kib,blind,note
S=000000000

# saw FROM TO: estimates of a VM whose working set repeats after 5 windows: 400, 800, 1200, 1600, 2000 KiB.
saw() { seq "$1" "$2" | awk '{ k = 400 + $1 % 5 * 400; print $1 "000000000,1000000000,a,reuse," k "," k "," k ",4000,3600,0," }'; }
estimates() { wss-estimate -P "$@" | sed 's/"\(.*\),\(.*\)"/\1 \2/' | awk -F, 'NR > 1 { print $1 / 1e9, $4, "[" $6 "|" $5 "|" $7 "]", $11 }' | sed 's/ $//'; }

# The last value is all that can be said at 21 s: 800, and of its 20 errors 16 were +400 and 4 were -1600.
@test "wss-estimate: forecast, of a load that repeats, one and seven periods ahead" {
	{ echo $EST; saw 1 200; } >in
	estimates -m forecast -m forecast:ahead=7,quantile=90% in | tail -n 2 >got
	file_is got '201 reuse+forecast [800|800|800]
207 reuse+forecast:ahead=7 quantile=90% [1200|1200|1200]'
	estimates -m forecast:season=5 in | sed -n '20,21p;60p' >got
	file_is got '21 reuse+forecast:season=5 [||] warming
22 reuse+forecast:season=5 [0|1200|1200]
61 reuse+forecast:season=5 [800|800|800]'
	is "$(wss-estimate -m forecast in | column memory_kib | sort -u) $(wss-estimate -m forecast in | column window_ns | sort -u)" "4000 1$S"
}

# Squares modulo 1009 follow no order: uniform from 3000 to 4008.
@test "wss-estimate: forecast, quantiles are in order, and not above the VM's memory" {
	{ echo $EST; seq 1 400 | awk '{ k = 3000 + $1 * $1 * 7919 % 1009; print $1 "000000000,1000000000,a,reuse," k "," k "," k ",4000,,0," }'; } >in
	for q in 1% 50% 90% 99%; do wss-estimate -m "forecast:quantile=$q" in | column wss_kib | tail -n 1; done >got
	sort -n got | same - got
	[ "$(tail -n 1 got)" -le 4000 ]
	between 3450 "$(sed -n 2p got)" 3560
	between 3860 "$(sed -n 3p got)" 3960
}

# What was made of a doubtful value is doubtful too: balloon-tune does not shrink by it.
@test "wss-estimate: forecast passes on the note of the estimate" {
	{ echo $EST; saw 1 100; for note in lost warming partial outside; do echo "$((++n + 100))$S,1$S,a,reuse,800,800,800,4000,3600,0,$note"; done; } >in
	is "$(wss-estimate -m forecast in | column note | tail -n 5 | xargs)" 'lost warming partial outside'
	is "$(wss-estimate -m forecast:quantile=1% in | balloon-tune --min=0KiB --min-gap=0KiB | column reason | tail -n 4 | xargs)" 'lost warming partial outside'
}

# Unknown estimates are no periods; lost is passed on; a lower bound stays one.
@test "wss-estimate: forecast of unknown estimates, of lower bounds, with loss" {
	{ echo $EST; saw 1 100; echo "101$S,1$S,a,reuse,,,,4000,3600,0,no-data"
		saw 101 102 | sed "s/^10[12]/10&/; s/^10101/102/; s/^10102/103/; s/,4000,3600,0,/,4000,3600,0,lost/"
		saw 103 104 | sed 's/^103/104/; s/^104000000000,1000000000,a,reuse,2000/105&/; s/^105104/105/; s/\([0-9]*\),\([0-9]*\),[0-9]*,4000/\1,\2,,4000/'; } >in
	estimates -m forecast in | tail -n 5 >got
	file_is got '102 reuse+forecast [||] no-data
103 reuse+forecast [1200|1200|1200] lost
104 reuse+forecast [1600|1600|1600] lost
105 reuse+forecast [2000|2000|]
106 reuse+forecast [400|400|]'
}

@test "wss-estimate: forecast, runs with --state are one run, whatever they overlap" {
	{ echo $EST; saw 1 200; saw 1 200 | sed 's/,a,/,b,/; s/reuse/aging/'; } >all
	for part in '1 70' '50 120' '121 200'; do
		# shellcheck disable=SC2086 # two numbers
		{ echo $EST; saw $part; saw $part | sed 's/,a,/,b,/; s/reuse/aging/'; } >in
		wss-estimate -P -m forecast --state past in | sed 1d
	done | sort >got
	wss-estimate -P -m forecast all | sed 1d | sort | same - got
	{ head -n 1 all; saw 1 200; saw 1 200 | sed 's/,a,/,b,/; s/reuse/aging/'; } | same - past
}

@test "wss-estimate: forecast, a clock that was ahead once does not end all forecasts without a word" {
	{ echo $EST; saw 1001 1030; saw 1 30 | sed 's/,a,/,b,/'; } >ahead
	wss-estimate -P -m forecast --state past ahead >/dev/null
	{ echo $EST; saw 31 60; saw 31 60 | sed 's/,a,/,b,/'; } >back
	run --separate-stderr -0 wss-estimate -P -m forecast --state past back
	stderr_is "wss-estimate: warning: VM 'a': no estimate is newer than what past has; if a clock was set back, begin a new file"
	is "$(sed 1d <<<"$output" | cut -d, -f3 | sort | uniq -c | xargs)" '30 b'
	# Some that are not newer are no news.
	{ echo $EST; saw 51 70 | sed 's/,a,/,b,/'; } >again
	run --separate-stderr -0 wss-estimate -P -m forecast --state past again
	is "$stderr" ''
}

# Killed while it reads and when the state cannot be written: the state is the one before.
@test "wss-estimate: forecast, a run that is killed leaves a readable state" {
	{ echo $EST; saw 1 50; } >first
	wss-estimate -P -m forecast --state past first >/dev/null
	cp past before
	mkfifo in
	wss-estimate -P -m forecast --state past in >out &
	pid=$!
	later_kill $pid
	{ echo $EST; saw 51 90; } >later
	exec 9>in
	cat later >&9
	until_true grep -q '^91' out
	kill -KILL $pid
	wait $pid || :
	exec 9>&-
	same before past
	run --separate-stderr -74 strace -qq -o log -e inject=rename:error=EIO wss-estimate -P -m forecast --state past -o out later
	stderr_is "wss-estimate: cannot write past: Input/output error"
	same before past
	is "$(echo past*)" past
	is "$(grep -c . out)" 41
	wss-estimate -P -m forecast --state past later >/dev/null
	is "$(grep -c . past)" 91
}

@test "wss-estimate: forecast, what does not fit" {
	local help="; try 'wss-estimate --help'"
	{ echo $EST; saw 1 5; saw 2 2; } >in
	run --separate-stderr -65 wss-estimate -P -m forecast in
	stderr_is "wss-estimate: in: line 7: column 't_ns': goes back from 5000000000 to 2000000000 for VM 'a'"
	run --separate-stderr -65 wss-estimate -P -m threshold in
	stderr_is "wss-estimate: in: line 1: estimate records, need count records"
	cp "$FIXTURES/count.csv" counts
	run --separate-stderr -65 wss-estimate -P -m forecast counts
	stderr_is "wss-estimate: counts: line 1: count records, need estimate records"
	run --separate-stderr -65 wss-estimate -P -m forecast --state counts in
	stderr_is "wss-estimate: counts: line 1: count records, need estimate records"
	run --separate-stderr -64 wss-estimate -P -m forecast -m threshold in
	stderr_is "wss-estimate: --method: forecast works on estimates, threshold does not: not in one run$help"
	run --separate-stderr -64 wss-estimate -P -m forecast --kernel 1MiB in
	stderr_is "wss-estimate: --kernel: not with forecast: it is in the estimates that are read$help"
	run --separate-stderr -64 wss-estimate -P --state past counts
	stderr_is "wss-estimate: --state: only with forecast$help"
	run --separate-stderr -64 wss-estimate -P -m forecast:ahead=65 in
	stderr_is "wss-estimate: --method: forecast: ahead: '65' is too large: at most 64$help"
}
