#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wss-estimate beside mawk that adds up the same rows, and beside wss-count on as many; memory of aging for pages without neighbours, the worst case, and
# for a random fifth of the pages in each window. Lines: NAME measured limit unit ok|FAIL.
set -euo pipefail
PATH=${WSS_BIN:-$(cd "$(dirname "$0")/../.." && pwd)/bin}:$PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
header=t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind

# windows SHARE STEP: 4 windows of about a million pages, each STEP-th with the probability SHARE.
windows() {
	mawk -v header="$header" -v share="$1" -v step="$2" 'BEGIN {
		srand(1)
		print header
		for (t = 1; t <= 4; t++) {
			n = 0
			for (i = 0; i < 1000000 / share; i++)
				if (rand() < share) {
					printf "%d000000000,1000000000,a,,%d,1,1,0,1,,,,,\n", t, i * step
					n++
				}
			printf "%d000000000,1000000000,a,,,%d,,,,0,9000000,9000000,1000000000,0\n", t, n
		}
	}'
}
seconds() { /usr/bin/time -f %U -o "$dir/time" "$@" >/dev/null && cat "$dir/time"; }
best() { for _ in 1 2 3; do seconds "$@"; done | sort -n | sed -n 1p; }
mib() { /usr/bin/time -f %M -o "$dir/time" "$@" >/dev/null && awk '{ printf "%.1f\n", $1 / 1024 }' "$dir/time"; }
line() { # NAME MEASURED LIMIT UNIT, more than LIMIT is too much
	awk -v m="$2" -v l="$3" -v head="$1 $2 <=$3 $4" 'BEGIN { print head, m <= l ? "ok" : "FAIL" }'
}

windows 1 2 >"$dir/apart.csv"
windows 0.2 1 >"$dir/fifth.csv"
# shellcheck disable=SC2016 # expanded by mawk
mawk=$(seconds mawk -F, '$5 == "" { print n; n = 0; next } $9 >= 1 { n += $6 }' "$dir/apart.csv")
# The same rows as events: what wss-count takes for them.
mawk -F, 'BEGIN { print "t_ns,vm,vcpu,event,gfn,pages,arg,lost" } NR == 1 { next }
	$5 == "" { print $1 ",a,,tick,,,1000000000," ; next } { print $1 ",a,,write," $5 ",1,," }' "$dir/apart.csv" >"$dir/events.csv"
count=$(seconds wss-count -P "$dir/events.csv")
for method in reuse threshold aging prl damon cold vmware; do
	own=$(seconds wss-estimate -P -m $method "$dir/apart.csv")
	line "wss-estimate-$method" "$(awk -v a="$own" -v b="$mawk" 'BEGIN { printf "%.2f", a / b }')" 0.67 of-mawk
	line "wss-estimate-$method-row" "$(awk -v a="$own" -v b="$count" 'BEGIN { printf "%.2f", a / b }')" 2 of-a-row-of-wss-count
done
line wss-estimate-aging-apart "$(mib wss-estimate -P -m aging "$dir/apart.csv")" 50 MiB-per-million-pages
# A million in each window, three million in the registers.
line wss-estimate-aging-fifth "$(mib wss-estimate -P -m aging "$dir/fifth.csv")" 75 MiB
# Ten methods in one run read and walk the rows once.
printf 't_ns,vm,counter,value\n1,a,Committed_AS,4000\n1,a,pswpin,1\n1,a,Referenced,9\n' >"$dir/counters.csv"
slowest=0 together=()
for method in reuse threshold aging prl damon cold vmware fusion zballoond self-ballooning; do
	own=$(best wss-estimate -P -c "$dir/counters.csv" -m $method "$dir/apart.csv")
	slowest=$(awk -v a="$own" -v b="$slowest" 'BEGIN { print (a + 0 > b + 0 ? a : b) }')
	together+=(-m "$method")
done
all=$(best wss-estimate -P -c "$dir/counters.csv" "${together[@]}" "$dir/apart.csv")
line wss-estimate-ten-methods "$(awk -v a="$all" -v b="$slowest" 'BEGIN { printf "%.2f", a / b }')" 2 of-the-slowest-alone
