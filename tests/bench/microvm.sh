#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What KVM's dirty log costs, source microvm: reading it beside a copy of its bitmap, and the guest's own speed traced and
# untraced. Lines: NAME measured limit unit ok|FAIL. Nothing is printed where there is no /dev/kvm.
set -euo pipefail
cd "$(dirname "$0")/../.."
rate=${WSS_BUILD:-build}/helpers/microvm-rate
[ -w /dev/kvm ] || { echo 'bench: no /dev/kvm: microvm is left out' >&2; exit 0; }

for log in clear get ring; do
	"$rate" "$log" | awk -v log_name="$log" '
		function line(name, measured, limit, unit, ok) {
			printf "microvm-%s-%s %.2f %s %s %s\n", log_name, name, measured, limit, unit, ok ? "ok" : "FAIL"
		}
		{ v[$1] = $2 }
		END {
			# 20000 pages, each written again and again, with one log a second.
			kept = v["traced_passes"] / v["untraced_passes"]
			line("run-rate", kept, ">=0.70", "of-untraced", kept >= 0.70)
			# One page written in 1 GiB: what is not written costs no more than going over the bitmap.
			one = v["fetch_one_ns"] / v["copy_ns"]
			line("fetch-one", one, "<=60", "memcpy-of-bitmap", one <= 60)
			if (log_name == "ring") # most of it was read whenever the ring was full
				exit
			# All of 1 GiB written: KVM protects each page again.
			fetch = v["fetch_ns"] / v["copy_ns"]
			line("fetch", fetch, "<=15000", "memcpy-of-bitmap", fetch <= 15000)
			fold = v["fetch_fold_ns"] / v["copy_ns"]
			line("fetch-and-fold", fold, "<=60000", "memcpy-of-bitmap", fold <= 60000)
			printf "microvm-%s-per-million-pages: fetch %.1f ms, fetch and fold %.1f ms, memcpy %.3f ms\n", log_name,
				v["fetch_ns"] * 1e6 / 262144 / 1e6, v["fetch_fold_ns"] * 1e6 / 262144 / 1e6,
				v["copy_ns"] * 1e6 / 262144 / 1e6 >"/dev/stderr"
		}'
done
