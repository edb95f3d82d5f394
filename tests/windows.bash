# SPDX-License-Identifier: GPL-2.0-or-later
# For tests of a guest whose every write is known beforehand, loaded behind helper: windows of two streams of events.

# pages_of BASE: of events on standard input, each written page (from BASE on) once a window: "WINDOW PAGE".
pages_of() {
	awk -F, -v base="$1" '
		$4 == "write" { for (i = 0; i < ($6 == "" ? 1 : $6); i++) print w + 0, $5 - base + i }
		$4 == "tick" { w++ }' | sort -u -k1,1n -k2,2n
}

# exact_windows SEEN MADE WINDOWS: what microvm has SEEN are the pages of the schedule in every window, and no others,
# as MADE by model, which needs more periods of the same length. A busy machine leaves periods out, so a window is one
# period of the model or several whole ones, one window after the other. Prints the number of pages in all windows.
exact_windows() {
	pages_of 1048576 <"$1" >seen
	pages_of 65536 <"$2" >made
	[ -s seen ] && python3 - "$3" <<-'END' && wc -l <seen
		import collections, sys
		def windows(name):
		    w = collections.defaultdict(set)
		    for line in open(name):
		        n, page = map(int, line.split())
		        w[n].add(page)
		    return w
		seen, made, ends = windows('seen'), windows('made'), {0}
		for n in range(int(sys.argv[1])):
		    starts, ends = ends, set()
		    for start in starts:
		        pages = set()
		        for period in range(start, max(made) + 1):
		            pages |= made[period]
		            if pages == seen[n]:
		                ends.add(period + 1)
		            elif not pages <= seen[n]:
		                break
		    if not ends:
		        sys.exit(f'window {n}: {len(seen[n])} pages are those of no whole periods from {sorted(starts)} on')
	END
}
