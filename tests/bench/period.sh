#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The length of periods on a real clock, against what was asked for: 50 of 100 ms on a process that writes 20,000 pages a
# second. 95 of 100 periods, since a single one may meet whatever else the machine does.
set -euo pipefail
wss-load 1s:20000w -o /dev/null &
load=$!
trap 'kill $load' EXIT
wss-trace -s "process:$load" -p 100ms -n 50 -P |
	awk -F, '$4 == "begin" { last = $1 } $4 == "tick" { d = ($1 - last) / $7 - 1; print (d < 0 ? -d : d) * 100; last = $1 }' |
	sort -n | awk '{ off[NR] = $1 } END { p = off[int(NR * 0.95)]; printf "period-p95-off-percent %.3f <=1 %% %s\n", p, NR == 50 && p <= 1 ? "ok" : "FAIL" }'
