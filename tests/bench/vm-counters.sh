#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm-counters: processor time of a sample, of 20 domains of libvirt's test driver and of this system, beside the same
# figures by cat. 1000 us are 0.1 % of a processor at a sample per second.
# Lines: NAME measured limit unit ok|FAIL.
set -euo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
PATH=${WSS_BIN:-$TOP/bin}:$PATH
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

us() { /usr/bin/time -f '%U %S' -o "$dir/time" "$@" >/dev/null && awk '{ print ($1 + $2) * 1e6 }' "$dir/time"; }
line() { # NAME MEASURED LIMIT UNIT
	awk -v m="$2" -v l="$3" -v name="$1" -v unit="$4" 'BEGIN { printf "%s %.1f <=%s %s %s\n", name, m, l, unit, m <= l ? "ok" : "FAIL" }'
}

{
	echo '<node>'
	for i in $(seq 20); do
		echo "<domain type='test'><name>vm$i</name><memory unit='GiB'>2</memory><os><type>hvm</type></os>" \
			"<devices><memballoon model='virtio'/></devices></domain>"
	done
	echo '</node>'
} >"$dir/test.xml"
domains=()
for i in $(seq 20); do domains+=(-s "libvirt:vm$i?uri=test://$dir/test.xml"); done
once=$(us vm-counters "${domains[@]}" -n 1)
many=$(us vm-counters "${domains[@]}" -p 10ms -n 201)
line vm-counters-libvirt "$(awk -v a="$once" -v b="$many" 'BEGIN { print (b - a) / 200 / 20 }')" 1000 us-a-sample-and-VM

# Instructions, the kernel's for us too, where they can be counted.
instructions() { perf stat -x, -e instructions -o "$dir/perf" "$@" >/dev/null 2>&1 && awk -F, '$3 ~ /^instructions/ { print $1 }' "$dir/perf"; }
once=$(instructions vm-counters "${domains[@]}" -n 1 || :)
many=$(instructions vm-counters "${domains[@]}" -p 10ms -n 201 || :)
if [[ $once$many =~ ^[0-9]+$ ]]; then
	line vm-counters-instructions "$(((many - once) / 200 / 20))" 500000 a-sample-and-VM
else
	echo 'bench: vm-counters: no counter of instructions here' >&2
fi

once=$(us vm-counters -s guest:local -n 1)
many=$(us vm-counters -s guest:local -p 5ms -n 301)
local_us=$(awk -v a="$once" -v b="$many" 'BEGIN { print (b - a) / 300 }')
line vm-counters-local "$local_us" 1000 us-a-sample
# shellcheck disable=SC2016 # expanded by the inner sh
by_cat=$(us sh -c 'i=0; while [ $i -lt 300 ]; do cat /proc/meminfo /proc/vmstat; i=$((i + 1)); done')
line vm-counters-cat "$(awk -v a="$local_us" -v b="$by_cat" 'BEGIN { print a / (b / 300) }')" 1 time-of-cat
