#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Exits of a KVM guest for a million pages that it writes, by the processor's log with one buffer, with two, and by write
# protection; and how many in a million entries of full buffers the second buffer lets be drained outside of the exit. Counts of
# tests/beds/kvm-pml.bats. Lines: NAME measured limit unit ok|FAIL.
set -euo pipefail
cd "$(dirname "$0")/../../.."
bats --filter 'exits|two buffers' tests/beds/kvm-pml.bats | awk '
	/^not ok/ { print >"/dev/stderr"; failed = 1 }
	function line(name, low, high, unit) {
		printf "kvm-pml-%s %d %d-%d %s %s\n", name, $NF, low, high, unit, low <= $NF && $NF <= high ? "ok" : "FAIL"
	}
	# 10^6 / 512, and less where other exits emptied the log
	/^# exits .*, one:/ { line("exits-one-buffer", 1000, 1953, "exits") }
	/^# exits .*, two:/ { line("exits-two-buffers", 1000, 1953, "exits") }
	/^# exits .*, protected:/ { line("exits-write-protection", 1000000, 1000000, "exits") }
	/^# drained outside / { line("drained-outside", 100000, 1000000, "of-10^6-in-full-buffers") }
	END { exit failed }'
