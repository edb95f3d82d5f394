#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A fit of wss-fit beside gsl_multifit_linear() on the same matrix; memory of wss-fit on twice as many samples.
# Lines: NAME measured limit unit ok|FAIL.
set -euo pipefail
PATH=${WSS_BIN:-$(cd "$(dirname "$0")/../.." && pwd)/bin}:${WSS_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}/helpers:$PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# recording SAMPLES: of 40 counters.
recording() {
	mawk -v n="$1" -v dir="$dir" 'BEGIN {
		srand(1)
		print "t_ns,vm,counter,value" >(dir "/counters")
		print "t_ns,window_ns,vm,set_kib,touched_kib,written_kib" >(dir "/truth")
		for (t = 1; t <= n; t++) {
			kib = 100000
			for (j = 0; j < 40; j++) {
				v = int(rand() * 100000)
				kib += v * (j % 10)
				print t "000000000,a,level" j "," v >(dir "/counters")
			}
			print t "000000000,1000000000,a," kib "," kib "," kib >(dir "/truth")
		}
	}'
}
kib() { /usr/bin/time -f %M -o "$dir/time" wss-fit -q -t "$dir/truth" "$dir/counters" >/dev/null && cat "$dir/time"; }
line() { # NAME MEASURED LIMIT UNIT, more than LIMIT is too much
	awk -v m="$2" -v l="$3" -v head="$1 $2 <=$3 $4" 'BEGIN { print head, m <= l ? "ok" : "FAIL" }'
}

ratio=$(for _ in 1 2 3; do fit-rate 100000 40; done | awk '{ print $1 / $2 }' | sort -n | sed -n 1p)
line fit-beside-gsl "$(printf %.2f "$ratio")" 1.5 x
recording 50000
half=$(kib)
recording 100000
all=$(kib)
line fit-memory-of-100000x40 "$(awk -v k="$all" 'BEGIN { printf "%.0f", k / 1024 }')" 256 MiB
line fit-memory-twice-the-samples "$(awk -v a="$all" -v h="$half" 'BEGIN { printf "%.2f", a / h }')" 2.2 x
