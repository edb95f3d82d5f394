#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real program that nobody here wrote: redis-server under redis-benchmark, with the whole pipeline beside it for 30 s.
# Overhead is redis's own throughput traced, as a share of its throughput untraced just before and after.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$dir"' EXIT
cd "$dir"
redis-server --port 0 --unixsocket "$dir/s" --save '' --appendonly no --daemonize no > redis.log &
redis=$!
cli() { redis-cli -s "$dir/s" "$@"; }
for _ in $(seq 100); do cli ping > /dev/null 2>&1 && break; sleep 0.1; done
# 100,000 keys of 1,000 bytes, set at random for ever.
redis-benchmark -s "$dir/s" -t set -r 100000 -d 1000 -n 1000000000 -q > /dev/null 2>&1 &
sleep 5 # until most keys are there

commands() { cli info stats | awk -F: '/^total_commands_processed/ { print $2 + 0 }'; }
rate() { # SECONDS: commands per second
	local before after
	before=$(commands)
	sleep "$1"
	after=$(commands)
	echo $(((after - before) / $1))
}

untraced1=$(rate 10)
wss-trace -s "process:$redis" -f 30s 2> trace.err | wss-count | wss-estimate -P > estimates.csv &
pipeline=$!
sleep 1
traced=$(rate 28)
wait "$pipeline"
untraced2=$(rate 10)
cat trace.err >&2
awk -F, 'NR > 1 { n++; sum += $5; if ($5 > max) max = $5 } END { printf "redis: working set: %d windows, mean %.1f MiB, most %.1f MiB\n", n, sum / n / 1024, max / 1024 }' estimates.csv >&2
echo "redis: throughput $untraced1 /s before, $traced /s traced, $untraced2 /s after" >&2
ratio=$(awk -v t="$traced" -v a="$untraced1" -v b="$untraced2" 'BEGIN { printf "%.3f", 2 * t / (a + b) }')
echo "redis-traced/untraced $ratio >=0.90 ratio $(awk -v r="$ratio" 'BEGIN { print (r >= 0.90) ? "ok" : "FAIL" }')"
