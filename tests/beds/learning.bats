# SPDX-License-Identifier: GPL-2.0-or-later
# A small learning set, recorded in an emulated guest: counters from inside and from outside, the truth from the plugin.
load ../helper

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	"$TOP/scripts/guest/kernel" cloud >/dev/null || cannot 'no kernel for a guest'
	for program in qemu-system-x86_64 libvirtd virsh qemu-ga mke2fs mkswap redis-server redis-benchmark sqlite3 mawk xz; do
		command -v $program >/dev/null || cannot "no $program"
	done
}

record() { "$TOP/scripts/learn/record" -o out -p 2s -n 8 "$@" cloud-512 3>&- 4>&-; }
# touched LOAD: MiB in each window but the first, in which it begins.
touched() { zcat "out/cloud-512.$1.truth.gz" | column touched_kib | tail -n +2 | awk '{ printf "%d\n", $1 / 1024 }'; }

@test "learning: loads are recorded with counters of both sides and the truth, once each, and a model is found" {
	# Another run has the guest: it is left to that one.
	mkdir out
	run --separate-stderr -0 flock out/cloud-512.lock "$TOP/scripts/learn/record" -o out -l idle cloud-512
	stderr_is 'record: cloud-512: another run records it'

	record -l idle 2>said
	file_is said 'record: cloud-512: load 1 of 1: idle'
	record -l idle -l write-64m 2>said
	file_is said 'record: cloud-512: load 1 of 1: write-64m'
	record -l idle -l write-64m 2>said
	file_is said 'record: cloud-512: all 2 loads are there'

	# An idle guest touches what its agent and its kernel need; 64 MiB are written once a second.
	is "$(touched idle | wc -l) $(touched write-64m | wc -l)" '7 7'
	touched idle | while read -r mib; do between 0 "$mib" 24; done
	touched write-64m | while read -r mib; do between 64 "$mib" 88; done
	# Both readers, inside and outside of the guest
	for load in idle write-64m; do
		zcat out/cloud-512.$load.counters.gz | column counter | sort -u >seen
		for counter in MemFree pgfault pressure.some_us balloon.unused balloon.rss cpu.time block.rd.reqs; do grep -qx $counter seen; done
	done

	"$TOP/scripts/learn/join" out >set.csv
	is "$(cut -d, -f3 set.csv | sort | uniq -c | xargs)" '9 cloud-512.idle 9 cloud-512.write-64m 1 vm'
	"$TOP/scripts/learn/unfold" set.csv records
	wss-fit -q -t records/truth.csv --select 1 --control 0% records/counters.csv >model
	between 9000 "$(awk '$1 == "learning" { printf "%d", $5 * 10000 }' model)" 10000
	grep -q '^guest      cloud-512: Linux ' out/about
}
