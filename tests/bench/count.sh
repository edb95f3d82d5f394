#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wss-count: speed beside zcat and mawk, memory per page, a large VM beside a small one.
# Lines: NAME measured limit unit ok|FAIL. Times are of the processor, the least of two.
set -euo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
PATH=${WSS_BIN:-$TOP/bin}:${WSS_BUILD:-$TOP/build}/helpers:$PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

seconds_once() { /usr/bin/time -f '%U %S' -o "$dir/time" "$@" >/dev/null && awk '{ print $1 + $2 }' "$dir/time"; }
seconds() { { seconds_once "$@"; seconds_once "$@"; } | sort -g | head -n 1; }
kib() { /usr/bin/time -f %M -o "$dir/time" "$@" >/dev/null && cat "$dir/time"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
line() { # NAME MEASURED >=LIMIT|<=LIMIT UNIT
	awk -v m="$2" -v l="$3" -v head="$1 $2 $3 $4" 'BEGIN {
		good = l ~ /^>=/ ? m >= substr(l, 3) : m <= substr(l, 3)
		print head, good ? "ok" : "FAIL" }'
}

# Three periods of a million short runs each, within 400 MiB. mawk does the same, but neither sorts nor joins.
make-trace runs 3000000 102400 >"$dir/near.gz"
# shellcheck disable=SC2016 # expanded by mawk
by_mawk='zcat "$1" | mawk -F, -v OFS=, '\''
	$4 == "write" { for (g = $5; g < $5 + $6; g++) { n[g]++; w[g]++ } }
	$4 == "read" { for (g = $5; g < $5 + $6; g++) { n[g]++; r[g]++ } }
	$4 == "tick" {
		pages = 0
		for (g in n) { print $1, $1 - before, $2, "", g, 1, w[g] + 0, r[g] + 0, n[g], "", "", "", "", ""; pages++ }
		print $1, $1 - before, $2, "", "", pages, "", "", "", 0, "", "", $7, ""
		before = $1
		split("", n); split("", w); split("", r)
	}'\'' >/dev/null'
zcat_s=$(seconds zcat "$dir/near.gz")
count_s=$(seconds wss-count -P "$dir/near.gz")
line wss-count-fold "$(ratio "$zcat_s" "$count_s")" '>=0.5' speed-of-zcat
line wss-count-fold-gzip "$(ratio "$zcat_s" "$(seconds wss-count "$dir/near.gz")")" '>=0.5' speed-of-zcat
line wss-count-mawk "$(ratio "$(seconds_once sh -c "$by_mawk" sh "$dir/near.gz")" "$count_s")" '>=1.5' speed-of-zcat-and-mawk

# The worst there is: hardly a page comes twice, and nearly as many rows go out, packed again, as come in.
make-trace runs 2000000 1000000 >"$dir/far.gz"
line wss-count-fold-far "$(ratio "$(seconds zcat "$dir/far.gz")" "$(seconds wss-count "$dir/far.gz")")" '>=0.2' speed-of-zcat
rm "$dir"/*.gz

# Memory above that of an empty run, for each million different pages of a window; 860000 is a number at which the tables
# have just grown.
make-trace dense 1 1 1 >"$dir/empty.gz"
empty_kib=$(kib wss-count -o /dev/null "$dir/empty.gz")
memory() { # NAME make-trace's arguments
	local name=$1 pages
	shift
	make-trace "$@" >"$dir/trace.gz"
	pages=$(wss-count -P "$dir/trace.gz" | mawk -F, 'NR > 1 && $5 == "" { print $6 }')
	line "wss-count-memory-$name" "$(awk -v kib="$(kib wss-count -o /dev/null "$dir/trace.gz")" -v empty="$empty_kib" \
		-v pages="$pages" 'BEGIN { printf "%.1f", (kib - empty) / 1024 / (pages / 1e6) }')" '<=24' MiB-per-million-pages
}
memory dense dense 1000000 1000000 1
memory random runs 860000 268435456 1        # 1 TiB
memory reads-writes dense 1000000 1000000 4  # 2.5 times over, reads among the writes

# 1 % of 1 TiB, 256 pages in each 25600, beside as many pages of a VM that has no more. The same work but for rows that
# cannot be joined over the gaps and numbers with two digits more: a quarter is left for these and for noise.
make-trace sparse 1000000 2684354 6 >"$dir/sparse.gz"
make-trace dense 1000000 2684354 6 >"$dir/dense.gz"
line wss-count-1tib "$(ratio "$(seconds wss-count "$dir/sparse.gz")" "$(seconds wss-count "$dir/dense.gz")")" '<=1.25' time-of-small-vm
