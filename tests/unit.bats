# SPDX-License-Identifier: GPL-2.0-or-later
load helper

# Programs in tests/unit print TAP and end with 1 when something is wrong; what they said is shown then.
unit() {
	run "$BUILD/unit/$1"
	[ "$status" -eq 0 ] || { echo "$output" | grep -v '^ok' >&2; return 1; }
}

@test "wss-estimate: aging equals registers kept page by page, on random windows" { unit aging; }
@test "wss-estimate: steps and cold equal numbers kept page by page, on random windows" { unit steps; }
@test "wss-estimate: reuse equals its rule kept page by page, on random windows" { unit reuse; }
@test "balloon-tune: a million random decisions stay within the envelope" { unit envelope; }
@test "balloon-set: a million random decisions keep to floor, maximum and rate; known answers" { unit decide; }
@test "vm-counters: caches, counts that begin anew, texts of guests, as worked out by hand" { unit sample; }
@test "wss-score: errors, lags, cases and percentiles as worked out by hand" { unit score; }
@test "schedule: touches are those of the text, at their time, in whatever steps they are asked for" { unit schedule; }
@test "wss-fit: homogeneity tests give the published examples, to the digits printed there" { unit homogeneity; }
@test "wss-fit: regression gives the certified values of NIST, Filip too; selection, robust, ridge, unequal costs" { unit regress; }
# bats test_tags=slow
@test "wss-estimate: forecasts of nine kinds of series keep their quantiles and are not worse than the last value" { unit forecast; }
@test "num: numbers, units and their bounds" { unit num; }
@test "gzio: lines of all lengths around the sizes of members and reads; a live stream" { unit gzio; }
@test "record: random rows of every kind come back equal through both readers" { unit record; }
@test "track: ranges with frame numbers of their own, other ranges later, one tracer" { unit track; }

@test "unit: every program of tests/unit is run here" {
	local source
	for source in "$TOP"/tests/unit/*.c; do
		grep -q "unit $(basename "$source" .c)[;[:blank:]]" "$BATS_TEST_FILENAME" || echo "$source" >>left_out
	done
	[ ! -e left_out ] || { cat left_out >&2; return 1; }
}
@test "wss-trace: page tables of every mode, worked out by hand and against a plain walker on random memory" { unit pagewalk; }
@test "xen: a migration that begins between any two calls loses no frame, on a made-up hypervisor" { unit xen-log; }
@test "bitmap: runs at the edges of words, and of random bitmaps, each told once" { unit bitmap; }
@test "pagetab: equals a plain array, over random operations on dense and scattered pages" { unit pagetab; }
@test "libvirt: RAM, addresses, jobs, unseen writers and processes from recorded answers" { FIXTURES=$FIXTURES unit libvirt-parse; }
@test "wss-estimate: stack depths and miss ratios are those of an LRU list" { unit stackdist; }
# bats test_tags=slow
@test "wss-estimate: shards is within 0.02 of the exact miss-ratio curve" { unit shards; }
# bats test_tags=slow
@test "wss-estimate: aet is within 0.02 of the exact miss-ratio curve" { unit aet; }
@test "wss-trace: a simulated page-modification log follows the manual, and the logs proposed beyond it their rules" { unit pml; }
@test "balloon-set: figures of Xen and of its guests mean what was worked out by hand" { unit xen-rules; }
@test "wss-trace: pages of trace buffers made by hand give their events, times and order; damaged ones are refused" { FIXTURES=$FIXTURES unit ring; }
@test "wss-trace: answers of QEMU's machine protocol, and texts that are none" { unit qmp-parse; }
