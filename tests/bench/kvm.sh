#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What source kvm costs us for each page marked dirty, from pages of the kernel's trace buffer to rows in gzip: decoding and
# merging beside a copy of these pages; bytes; and instructions where they can be counted. Lines: NAME measured limit unit ok|FAIL.
set -euo pipefail
cd "$(dirname "$0")/../.."

"${WSS_BUILD:-build}/helpers/ring-rate" | awk '
	function line(name, measured, limit, unit) {
		printf "kvm-%s %.2f <=%s %s %s\n", name, measured, limit, unit, measured <= limit ? "ok" : "FAIL"
	}
	{ v[$1] = $2 }
	END {
		line("decode", v["decode_ns"] / v["copy_ns"], 25, "memcpy-of-pages")
		line("bytes", v["bytes"] / v["entries"], 10, "gzip-bytes-per-mark")
		if (v["instructions"])
			line("instructions", v["instructions"] / v["entries"], 4000, "per-mark")
		else
			print "bench: kvm: no counter of instructions here" >"/dev/stderr"
		printf "kvm: %.0f ns to decode and merge a mark, %.0f ns with row and gzip\n", v["decode_ns"] / v["entries"],
			v["all_ns"] / v["entries"] >"/dev/stderr"
	}'
