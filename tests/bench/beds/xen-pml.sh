#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What source xen-pml costs for each entry of the processor's log, from the hypervisor's ring to rows in gzip: bytes, and
# instructions, of wss-trace and of Linux and Xen for it, as Bochs counts them; what a period costs anyhow is taken off. The
# guest writes 8000 frames 3001 apart, so that each entry is a row of its own; frames without a pattern take more bytes. Counts of
# tests/beds/xen-pml.bats. Lines: NAME measured limit unit ok|FAIL.
set -euo pipefail
cd "$(dirname "$0")/../../.."
bats --filter 'what one costs' tests/beds/xen-pml.bats | awk '
	/^not ok/ { print >"/dev/stderr"; failed = 1 }
	function line(name, limit, unit) {
		printf "xen-pml-%s %s <=%s %s %s\n", name, $NF, limit, unit, $NF <= limit ? "ok" : "FAIL"
	}
	/^# bytes of an entry/ { line("bytes", 5, "gzip-bytes-per-entry") }
	/^# instructions for an entry/ { line("instructions", 3200, "per-entry") }
	END { exit failed }'
