#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a look at the log-dirty mode of a Xen domain costs dom0, in processor time, beside a copy of the domain's bitmap,
# and a walk of its page tables beside a copy of as many tables, all in the same dom0.
# Lines: NAME measured limit unit ok|FAIL.
# bed: xen
set -euo pipefail
cd "$(dirname "$0")/../../.."
TOP=$PWD BATS_FILE_TMPDIR=$(mktemp -d)
. tests/xen.bash
rate=${WSS_BUILD:-build}/helpers/xen-rate

# 256 MiB of it are mapped and left alone.
xen_load large -M 512 -- 1h:65536r@0
"$rate" large | tee >(cat >&2) | awk '
	function line(name, ns, limit, unit, unit_ns, frames) {
		printf "xen-%s %.1f <=%s %s %s\n", name, ns / unit_ns, limit, unit, ns <= limit * unit_ns ? "ok" : "FAIL"
		printf "xen-%s: %.0f us in a period, %.0f us for a million frames, emulated\n", name, ns / 1e3,
			ns * 1e3 / frames >"/dev/stderr"
	}
	function log_line(name, ns, limit, frames) { line(name, ns, limit, "memcpy-of-bitmap", v["copy_ns"], v[frames]) }
	{ v[$1] = $2 }
	END {
		# CLEAN; a bitmap without and with many runs; both with what keeps the log ours. The bitmap is one of 4 GiB, as
		# a PVH domain has frames there; "all" and "every other" are of its 512 MiB.
		log_line("clean-none-written", v["clean_none_ns"], 10, "frames")
		log_line("clean-all-written", v["clean_all_ns"], 30, "written")
		log_line("read-none-written", v["read_none_ns"], 5, "frames")
		log_line("read-every-other-written", v["read_other_ns"], 150, "written")
		log_line("look-none-written", v["take_none_ns"], 40, "frames")
		log_line("look-all-written", v["take_all_ns"], 60, "written")
		# Tables are mapped by hypercalls, in batches; the frames are those of the load.
		line("walk", v["walk_ns"], 70, "memcpy-of-tables-read", v["copy_table_ns"] * v["tables_read"], 65536)
	}'
