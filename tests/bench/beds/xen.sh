#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a look at the log-dirty mode of a Xen domain costs dom0, in processor time, beside a copy of the domain's bitmap in
# the same dom0. Lines: NAME measured limit unit ok|FAIL.
# bed: xen
set -euo pipefail
cd "$(dirname "$0")/../../.."
TOP=$PWD BATS_FILE_TMPDIR=$(mktemp -d)
. tests/xen.bash
rate=${WSS_BUILD:-build}/helpers/xen-rate

xen_guest idle -M 512 <<<$'#!/bin/sh\necho ready\nread stop'
until_said 240 xen_said idle ready
"$rate" idle | tee >(cat >&2) | awk '
	function line(name, ns, limit) {
		printf "xen-%s %.1f <=%s memcpy-of-bitmap %s\n", name, ns / v["copy_ns"], limit,
			ns <= limit * v["copy_ns"] ? "ok" : "FAIL"
		printf "xen-%s: %.0f us in a period, %.0f us for a million frames, emulated\n", name, ns / 1e3,
			ns * 1e3 / v["frames"] >"/dev/stderr"
	}
	{ v[$1] = $2 }
	END {
		# CLEAN; a bitmap without and with many runs; both with what keeps the log ours. "All": half a GiB of 4 GiB.
		line("clean-none-written", v["clean_none_ns"], 10)
		line("clean-all-written", v["clean_all_ns"], 30)
		line("read-none-written", v["read_none_ns"], 5)
		line("read-every-other-written", v["read_other_ns"], 1000)
		line("look-none-written", v["take_none_ns"], 40)
		line("look-all-written", v["take_all_ns"], 60)
	}'
