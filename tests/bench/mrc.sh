#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Miss-ratio curves: exact stack depths per second, their memory, and the sample of SHARDS beside them on the same references.
set -euo pipefail
build=${WSS_BUILD:-build}
read -r exact _ bytes _ < <("$build/helpers/mrc-rate" exact 1000000 20000000)
read -r shards _ < <("$build/helpers/mrc-rate" shards 1000000 20000000)
awk -v e="$exact" -v s="$shards" -v b="$bytes" 'BEGIN {
	m = 1000 / e; printf "mrc-exact-million-references-per-second %.2f >=2 M/s %s\n", m, (m >= 2 ? "ok" : "FAIL")
	r = e / s; printf "shards-0.01-beside-exact %.1f >=30 times %s\n", r, (r >= 30 ? "ok" : "FAIL")
	printf "mrc-exact-bytes-per-page %.1f <=96 B %s\n", b, (b <= 96 ? "ok" : "FAIL")
}'
