#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tracing a process costs, source process: a look at 512 MiB (64 MiB of it written) beside reading the pagemap of the
# same memory, and the process's own speed traced and untraced. Lines: NAME measured limit unit ok|FAIL.
set -euo pipefail
cd "$(dirname "$0")/../.."
"${WSS_BIN:-bin}/wss-trace" --probe "process:$$" >/dev/null || { echo 'bench: source process is left out' >&2; exit 0; }

"${WSS_BUILD:-build}/helpers/process-rate" | awk '
	function line(name, measured, limit, unit, ok) {
		printf "process-%s %.2f %s %s %s\n", name, measured, limit, unit, ok ? "ok" : "FAIL"
	}
	{ v[$1] = $2 }
	END {
		scan = v["scan_written_ns"] / v["pagemap_ns"]
		line("scan", scan, "<=0.33", "of-reading-pagemap", scan <= 0.33)
		kept = v["passes_traced"] / v["passes_untraced"]
		line("run-rate", kept, ">=0.80", "of-untraced", kept >= 0.80) # 64 MiB, one word a page, 1 s periods
		# The figure that --max-overhead reckons with, beside the one the process feels.
		guess = v["selftest_cost_ns"] / (v["first_write_ns"] - v["next_write_ns"])
		line("cost-known", guess, "0.33..3", "of-true-cost", guess >= 0.33 && guess <= 3)
		printf "process: look at 512 MiB %.2f ms idle, %.2f ms with 64 MiB written, pagemap %.2f ms; first write %d ns, next %d ns\n",
			v["scan_idle_ns"] / 1e6, v["scan_written_ns"] / 1e6, v["pagemap_ns"] / 1e6, v["first_write_ns"],
			v["next_write_ns"] >"/dev/stderr"
	}'
