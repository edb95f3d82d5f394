# SPDX-License-Identifier: GPL-2.0-or-later
# The default method.
load helper

# estimates SCHEDULE WINDOWS: in pages.
estimates() {
	wss-trace -s "model:$1" -n "$2" | wss-count | wss-estimate -P | column wss_kib | awk '{ printf "%s%d", (NR > 1 ? " " : ""), $1 / 4 }'
}

@test "wss-estimate: by default reuse, with its name in the rows" {
	run --separate-stderr -0 bash -c 'wss-trace -s model:1s:100w -n 9 | wss-count | wss-estimate -P'
	is "$(column method <<< "$output" | uniq)" reuse
	is "$(column wss_kib <<< "$output" | uniq)" 400
	# warming until 8 windows were seen
	is "$(column note <<< "$output" | uniq -c | xargs)" "7 warming 2"
}

@test "wss-estimate: reuse, a set that is used whole is exact at once, when it grows and when it shrinks" {
	# In the first 8 windows nothing is taken to have left.
	is "$(estimates 7s:100w,2s:400w,2s:50r,1s:0w 12)" "100 100 100 100 100 100 100 400 400 50 50 0"
	is "$(estimates 2s:100w,10s:40w 12)" "100 100 100 100 100 100 100 100 40 40 40 40"
}

@test "wss-estimate: reuse, a page that comes back each second window counts while it rests, and not longer" {
	# 10 pages in each window, 5 more in each second one until the 11th: they rest one window and come back. In the 13th
	# they rest for two, which none ever came back from.
	for t in 1 3 5 7 9 11; do all+="1s:15w,"; [ $t = 11 ] || all+="1s:10w,"; done
	is "$(estimates "${all}20s:10w" 15)" "15 15 15 15 15 15 15 15 15 15 15 15 10 10 10"
}

@test "wss-estimate: reuse, a file that is read once counts until it is known that its pages do not come back" {
	# 100 pages again and again, 10 of a file in each window. In the first 8 windows it adds up. In the 9th none of its
	# pages was seen to come back; but in the 2nd to 5th, the better half, 100 of 110 + 10 + 10 + 10 new pages did: its 10
	# new ones count for 7. Then those windows are too old.
	for ((i = 0; i < 12; i++)); do all+="500ms:100w*1,500ms:10r*1+$((100 + 10 * i)),"; done
	is "$(estimates "${all%,}" 12)" "110 120 130 140 150 160 170 180 107 100 100 100"
}

@test "wss-estimate: reuse, bounds: what was touched, and all that is remembered and lost" {
	wss-trace -s model:3s:100w,9s:40w -n 9 | wss-count -P | awk -F, -v OFS=, '$5 == "" && $1 ~ /^9/ { $10 = 7 } 1' > in
	is "$(wss-estimate -P in | tail -1 | cut -d, -f5-)" "160,160,428,2097152,2097152,0,lost"
}
