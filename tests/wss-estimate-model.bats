# SPDX-License-Identifier: GPL-2.0-or-later
# wss-estimate -m model:FILE, and the files of wss-fit that it takes and does not take.
load helper

COUNTER=t_ns,vm,counter,value
COUNTS=t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind
S=000000000

# window SECOND [VM]: an idle one of a VM with 1000 pages, seen by a source that is blind to reads.
window() { echo "$1$S,1$S,${2-a},,,0,,,,0,1000,900,1$S,1"; }
windows() { echo $COUNTS; for t; do window "$t"; done; }

# 1000 + 2 * AnonPages + 4 * (pgfault per second): (x - 50) / 10 * 20 is 2 * x - 100, (x - 5) / 5 * 20 is 4 * x - 20.
model() {
	echo 'wss-model 1
some words for people
age_ns 2000000000
constant 1120
errors -12 20
counter level 20 50 10 0 100 AnonPages
counter rate 20 5 5 0 20 pgfault
end'
}

counters() {
	echo $COUNTER
	printf '%s\n' "5${S%0},a,AnonPages,90" "1$S,a,AnonPages,10" "1$S,a,pgfault,700" \
		"2$S,a,AnonPages,20" "2$S,a,pgfault,710" \
		"3$S,a,pgfault,711" "35${S%0},a,AnonPages,30" \
		"4$S,a,pgfault,3" \
		"5$S,a,pgfault,23" \
		"6$S,a,AnonPages,110" "6$S,a,pgfault,23" \
		"7$S,a,AnonPages,111" "8$S,a,AnonPages,40" "9$S,a,AnonPages,50"
}

estimates() {
	wss-estimate -P "$@" | awk -F, 'NR > 1 { print $1 / 1e9, "[" $6 "|" $5 "|" $7 "]", $11 }' | sed 's/ $//'
}

# At 1 s no rate is known. 2 s: 1000 + 40 + 4 * 10, in whole pages, 12 less and 20 more. 3 s: no new AnonPages, a rate of 1:
# 1044. 4 s: the faults fell. 5 s: 30 pages, 20 faults: 1140. 6 s: 110 pages, 0 faults: 1220; 10 more than 100 are a tenth of
# the range. 7 s: 111 is outside, and the rate is as before: 1222, 1210 to 1242. 8 s: 1080. 9 s: faults are 3 s old.
@test "wss-estimate: model, an example worked out by hand" {
	model >m
	counters >c
	windows 1 2 3 4 5 6 7 8 9 >in
	estimates -m model:m -c c in >got
	file_is got '1 [||] no-data
2 [1068|1080|1100]
3 [1032|1044|1064]
4 [||] no-data
5 [1128|1140|1160]
6 [1208|1220|1240]
7 [1212|1224|1244] outside
8 [1068|1080|1100]
9 [||] no-data'
	# Not more than the VM has, not less than nothing; the method column is as given.
	sed -i 's/^constant.*/constant 3990/' m
	is "$(estimates -m model:m -c c in | sed -n 2p)" '2 [3940|3952|3972]'
	sed -i 's/^constant.*/constant 9990/' m
	is "$(estimates -m model:m -c c in | sed -n 2p)" '2 [4000|4000|4000]'
	sed -i 's/^constant.*/constant 3990/; s/^errors.*/errors -9999 9999/' m
	is "$(estimates -m model:m -c c in | sed -n 2p)" '2 [0|3952|4000]'
	is "$(wss-estimate -m model:m -c c in | column method | sort -u)" model:m
}

@test "wss-estimate: model, a count without a value began anew: no rate until two more" {
	model >m
	{ echo $COUNTER; for t in 1 2 3 4 5 6; do echo "$t$S,a,AnonPages,10"; done
		printf '%s\n' "1$S,a,pgfault,1" "2$S,a,pgfault,6" "3$S,a,pgfault," "4$S,a,pgfault,900" "5$S,a,pgfault,905" "6$S,a,pgfault,905"; } | sort -n >c
	windows 1 2 3 4 5 6 >in
	is "$(estimates -m model:m -c c in | cut -d' ' -f2- | xargs)" '[||] no-data [1028|1040|1060] [||] no-data [||] no-data [1028|1040|1060] [1008|1020|1040]'
}

@test "wss-estimate: model, coefficients that have no sum give no value, not 0" {
	model | sed 's/^counter level 20 50/counter level 1e308 50/; s/^counter rate 20 5 5/counter rate -1e308 5 1e-9/' >m
	{ echo $COUNTER; for t in 1 2; do echo "$t$S,a,AnonPages,500"; echo "$t$S,a,pgfault,$((t * 500))"; done; } >c
	windows 1 2 >in
	is "$(estimates -m model:m -c c in | tail -n 1)" '2 [||] no-data'
}

@test "wss-estimate: model beside other methods, on counts and on events, several VMs" {
	model >m
	counters >c
	sed -n 's/,a,/,b,/p' c | sed 's/AnonPages,20/AnonPages,30/' >c_of_b
	cat c_of_b >>c
	sort -t, -n -k1,1 c >sorted
	{ windows 1 2; window 1 b; window 2 b; } >in
	is "$(wss-estimate -m model:m -m threshold -c sorted in | column wss_kib | xargs)" '0 1080 0 0 1100 0'
	echo $COUNTER >v
	sed -n 's/,a,/,model,/p' c >>v
	is "$(wss-trace -s model:1s:10w -n 2 -p 1s | wss-estimate -m model:m -m mrc -c v | column wss_kib | xargs)" '40 1080 40'
}

# Learned in one half of a recording, applied to the other: the numbers of wss-fit and of wss-estimate are the same.
@test "wss-estimate: model gives what wss-fit says its model gives" {
	awk 'BEGIN { print "t_ns,vm,counter,value" >"c"; print "t_ns,window_ns,vm,set_kib,touched_kib,written_kib" >"t"
		for (t = 1; t <= 200; t++) {
			a = 1000 + t * 7919 % 1009; n += t * 104729 % 997; noise = t * 1299709 % 101
			print t "000000000,a,AnonPages," a >"c"; print t "000000000,a,pgfault," n >"c"
			kib = 4 * a + 2 * (t * 104729 % 997) + noise
			print t "000000000,1000000000,a," kib "," kib "," kib >"t" } }'
	{ echo $COUNTS; seq 1 200 | while read -r t; do echo "$t$S,1$S,a,,,0,,,,0,100000,100000,1$S,0"; done; } >in
	wss-fit -t t --control 0% c -o m
	wss-estimate -m model:m -c c in | wss-score -P --truth t >score
	# Whole pages are at most 3 KiB more than the model says, 1.5 on average.
	rmse=$(awk '$1 == "learning" { print $7 }' m)
	between $((rmse - 1)) "$(column rmse_kib <score)" $((rmse + 1))
	inside=$(column inside_windows <score)
	between 175 "$inside" 185
}

# refuses TEXT: the model in ./m.
refuses() {
	run --separate-stderr -65 wss-estimate -P -m model:m -c c in
	stderr_is "wss-estimate: $1"
	[ -z "$output" ]
}

@test "wss-estimate: model, files that are none" {
	counters >c
	windows 1 2 >in
	: >m; refuses "m: not a model: need the file that wss-fit writes"
	cp c m; refuses "m: not a model: need the file that wss-fit writes"
	model | sed 's/model 1/model 2/' >m; refuses "m: line 1: need version 1, not '2'"
	model | sed '$d' >m; refuses "m: no line 'end': cut off"
	model | sed '/^age/d' >m; refuses "m: no line 'age_ns'"
	model | sed '/^constant/d' >m; refuses "m: no line 'constant'"
	model | sed '/^errors/d' >m; refuses "m: no line 'errors'"
	model | sed '/^counter/d' >m; refuses "m: no line 'counter'"
	model | sed 's/1120/nan/' >m; refuses "m: line 4: bad number 'nan'"
	model | sed 's/1120/1e999/' >m; refuses "m: line 4: bad number '1e999'"
	model | sed 's/1120/12x/' >m; refuses "m: line 4: bad number '12x'"
	model | sed 's/2000000000/2s/' >m; refuses "m: line 3: bad number '2s'"
	model | sed 's/ -12 20/ -12/' >m; refuses "m: line 5: a word is missing"
	model | sed 's/ pgfault//' >m; refuses "m: line 7: a word is missing"
	model | sed 's/rate/slope/' >m; refuses "m: line 7: neither rate nor level: 'slope'"
	model | sed 's/pgfault/AnonPages/' >m; refuses "m: line 7: given twice: 'AnonPages'"
	model | sed 's/20 5 5/20 5 0/' >m; refuses "m: line 7: scale is not above 0: 'pgfault'"
	{ model | sed '$d'; for i in $(seq 300); do echo "counter level 1 1 1 0 1 c$i"; done; echo end; } >m
	refuses "m: line 262: more than 256 counters"
}

@test "wss-estimate: model, counters that are not there" {
	model >m
	counters | sed '/pgfault/d' >c
	windows 1 2 >in
	run --separate-stderr -65 wss-estimate -P -m model:m -c c in
	stderr_is "wss-estimate: c: no counter 'pgfault', which model:m needs"
	is "$(sed 1d <<<"$output" | cut -d, -f5,11 | xargs)" ',no-data ,no-data'
	# It comes after the last window: it is there.
	{ cat c; echo "99$S,a,pgfault,3"; } >late
	run --separate-stderr -0 wss-estimate -P -m model:m -c late in
	run --separate-stderr -64 wss-estimate -P -m model:m in
	stderr_is "wss-estimate: --method: model needs --counters; try 'wss-estimate --help'"
	run --separate-stderr -64 wss-estimate -P -m model -c c in
	stderr_is "wss-estimate: --method: model: needs a file: model:FILE"
	run --separate-stderr -64 wss-estimate -P -m model: -c c in
	stderr_is "wss-estimate: --method: model: needs a file: model:FILE"
	run --separate-stderr -64 wss-estimate -P -m model:m,5 -c c in
	stderr_is "wss-estimate: --method: model: '5' has no key; need KEY=VALUE"
	run --separate-stderr -66 wss-estimate -P -m model:nowhere -c c in
	stderr_is "wss-estimate: cannot read nowhere: No such file or directory"
}
